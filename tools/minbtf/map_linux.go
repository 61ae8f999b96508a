package main

import (
	"os"
	"syscall"
)

// mapFile returns a regular file's bytes without reading them. They stay
// mapped until the process ends.
func mapFile(f *os.File, size int64) ([]byte, error) {
	if size <= 0 || int64(int(size)) != size {
		return nil, syscall.EINVAL
	}
	return syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_PRIVATE)
}
