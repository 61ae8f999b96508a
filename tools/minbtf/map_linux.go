package main

import (
	"os"
	"syscall"
)

// mapFile returns a regular file's bytes without reading them. They stay
// mapped until they are released.
func mapFile(f *os.File, size int64) (file []byte, release func(), err error) {
	if size <= 0 || int64(int(size)) != size {
		return nil, nil, syscall.EINVAL
	}
	file, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_PRIVATE)
	return file, func() { _ = syscall.Munmap(file) }, err
}
