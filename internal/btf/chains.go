package btf

import "fmt"

// checkChains returns an error if a type contains itself: through typedefs,
// modifiers, array elements and indices, and members, but not through pointers
// and functions. It also refuses chains longer than any compiler's (1024),
// which bounds every recursion over a File.
//
// In depths the types that contain something get the length of their longest
// chain + 1. A base has been checked, and refers to none of these types.
func (f *File) checkChains() error {
	c := chains{f}
	for i, d := range f.depths {
		if d == 0 {
			if _, err := c.visit(f.first+uint32(i), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

type chains struct{ f *File }

const onPath = 1<<16 - 1 // the depth of a type being visited

func (c *chains) visit(id uint32, above int) (uint16, error) {
	if above > maxNestedness {
		return 0, fmt.Errorf("type %s is nested more than %d deep", c.f.Describe(id), maxNestedness)
	}
	r := c.f.record(id)
	depth := &c.f.depths[id-c.f.first]
	*depth = onPath
	var longest uint16
	var err error
	switch inf := info(r[1]); inf.kind() {
	case Typedef, Volatile, Const, Restrict, TypeTag:
		longest, err = c.child(r[2], above)
	case Array:
		var index uint16
		if longest, err = c.child(r[3], above); err == nil {
			index, err = c.child(r[4], above)
		}
		longest = max(longest, index)
	case Struct, Union:
		for r = r[3 : 3+3*inf.vlen()]; len(r) >= 3 && err == nil; r = r[3:] {
			var d uint16
			if own := r[1] - c.f.first; own < uint32(len(c.f.depths)) {
				d = c.f.depths[own]
			}
			if d == 0 || d == onPath {
				d, err = c.child(r[1], above)
			}
			longest = max(longest, d)
		}
	}
	if err != nil {
		return 0, err
	}
	if longest > maxNestedness {
		return 0, fmt.Errorf("type %s is nested more than %d deep", c.f.Describe(id), maxNestedness)
	}
	*depth = longest + 1
	return longest + 1, nil
}

func (c *chains) child(id uint32, above int) (uint16, error) {
	if id < c.f.first {
		return c.f.base.depths[id], nil
	}
	switch d := c.f.depths[id-c.f.first]; d {
	case 0:
		return c.visit(id, above+1)
	case onPath:
		return 0, fmt.Errorf("type %s contains itself", c.f.Describe(id))
	default:
		return d, nil
	}
}

// Describe names a type for an error message: its id, kind and name.
func (f *File) Describe(id uint32) string {
	kind, name := f.Head(id)
	if s := f.String(name); s != "" {
		return fmt.Sprintf("%d (%s %q)", id, kind, s)
	}
	return fmt.Sprintf("%d (%s)", id, kind)
}
