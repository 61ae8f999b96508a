package core

// SetMaxWork sets what hostile files may cost until the function that it returns is called.
func SetMaxWork(n int) (reset func()) { return replace(&maxWork, n) }

// SetMaxKnown sets how many bytes a Finder remembers.
func SetMaxKnown(n int) (reset func()) { return replace(&maxKnown, n) }

func replace(v *int, n int) (reset func()) {
	before := *v
	*v = n
	return func() { *v = before }
}
