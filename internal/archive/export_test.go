package archive

// For the tests, which import packages that import this one.
const MaxWindow = maxWindow

var (
	ReadLimited = readBTF
	IsBTF       = isBTF
)
