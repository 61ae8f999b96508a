package core

// SetMaxWork sets what hostile files may cost until the function that it returns is called.
func SetMaxWork(n int) (reset func()) {
	before := maxWork
	maxWork = n
	return func() { maxWork = before }
}
