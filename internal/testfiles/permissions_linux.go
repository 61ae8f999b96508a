package testfiles

import (
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

// ObeyPermissions keeps the test's thread from what files' permissions forbid, as
// root and others with CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH are not
// (capabilities(7)), until the test ends.
func ObeyPermissions(t testing.TB) {
	t.Helper()
	const override, readSearch = 1 << 1, 1 << 2
	// struct __user_cap_header_struct and __user_cap_data_struct of linux/capability.h
	header := struct {
		version uint32
		pid     int32
	}{version: 0x20080522} // this thread
	var data [2]struct{ effective, permitted, inheritable uint32 }
	call := func(nr uintptr) {
		if _, _, err := syscall.RawSyscall(nr, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data)), 0); err != 0 {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	call(syscall.SYS_CAPGET)
	before := data[0].effective
	data[0].effective &^= override | readSearch
	call(syscall.SYS_CAPSET)
	t.Cleanup(func() {
		data[0].effective = before
		call(syscall.SYS_CAPSET)
		runtime.UnlockOSThread()
	})
}
