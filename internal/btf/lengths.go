package btf

import (
	"bytes"
	"fmt"
)

// maxName bounds the names of types and members, which are read again and
// again. The kernel's own limit is 511 bytes (KSYM_NAME_LEN).
const maxName = 1<<16 - 1

// checkLengths returns an error if a name is longer than maxName. Strings that
// are no names (an object has lines of its source) may be longer.
func (f *File) checkLengths() error {
	if !hasLong(f.strs) {
		return nil
	}
	long := map[uint32]bool{}
	at := f.strBase
	for s := range bytes.SplitSeq(f.strs, []byte{0}) {
		if len(s) > maxName {
			long[at] = true
		}
		at += uint32(len(s)) + 1
	}
	var t Type
	for id := f.FirstOwn(); id < f.NumTypes(); id++ {
		f.Type(id, &t)
		if long[t.Name] {
			return fmt.Errorf("type %d (%s) has a name of more than %d bytes", id, t.Kind, maxName)
		}
		for i, m := range t.Members {
			if long[m.Name] {
				return fmt.Errorf("type %d (%s): entry %d has a name of more than %d bytes", id, t.Kind, i, maxName)
			}
		}
	}
	return nil
}

// hasLong reports whether a string in strs is longer than maxName. It looks at
// few of the bytes.
func hasLong(strs []byte) bool {
	for len(strs) > maxName+1 {
		end := bytes.LastIndexByte(strs[:maxName+1], 0)
		if end < 0 {
			return true
		}
		strs = strs[end+1:]
	}
	return false
}
