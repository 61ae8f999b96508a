package archive

// For the tests, which import packages that import this one.
const MaxWindow = maxWindow

var IsBTF = isBTF

func ReadLimited(name string, file []byte, limit int) ([]byte, error) {
	return new(Reader).read(name, file, limit)
}
