package pack

// SetPerJob sets how many kernels are worth a job, until the function that it returns is called.
func SetPerJob(n int) func() {
	before := perJob
	perJob = n
	return func() { perJob = before }
}
