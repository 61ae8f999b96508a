package btf

import "fmt"

// checkChains returns an error if a type contains itself: through typedefs,
// modifiers, array elements and indices, and members, but not through pointers
// and functions. It also refuses chains longer than any compiler's (1024),
// which bounds every recursion over a File.
//
// depth has, by type, 1 for kinds that contain nothing, and 0 for the others,
// which get the length of their longest chain + 1.
func (f *File) checkChains(depth []uint16) error {
	c := chains{f, depth}
	for id, d := range depth {
		if d == 0 {
			if _, err := c.visit(uint32(id), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

type chains struct {
	f     *File
	depth []uint16
}

const onPath = 1<<16 - 1 // the depth of a type being visited

func (c *chains) visit(id uint32, above int) (uint16, error) {
	if above > maxNestedness {
		return 0, fmt.Errorf("type %s is nested more than %d deep", c.f.Describe(id), maxNestedness)
	}
	f := c.f
	if id < f.first {
		f = f.base
	}
	r := f.words[f.offsets[id-f.first]:]
	c.depth[id] = onPath
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
			d := c.depth[r[1]]
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
	c.depth[id] = longest + 1
	return longest + 1, nil
}

func (c *chains) child(id uint32, above int) (uint16, error) {
	switch d := c.depth[id]; d {
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
