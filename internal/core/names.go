package core

// A refMap maps references to names to numbers. Most of them are asked for
// again and again, so it is made to be asked fast.
type refMap struct {
	slots []refSlot // open addressing; a power of two
	used  int
}

type refSlot struct{ ref, number uint32 }

// get returns the number of a reference, which is not 0, if it is known.
func (m *refMap) get(ref uint32) (number uint32, ok bool) {
	mask := uint32(len(m.slots) - 1)
	if mask == 1<<32-1 {
		return 0, false
	}
	for i := ref * 0x9e3779b1 >> 7; ; i++ {
		switch s := &m.slots[i&mask]; s.ref {
		case ref:
			return s.number, true
		case 0:
			return 0, false
		}
	}
}

// put adds a reference that is not there.
func (m *refMap) put(ref, number uint32) {
	if 2*m.used >= len(m.slots) {
		old := m.slots
		m.slots = make([]refSlot, max(1<<10, 2*len(old)))
		for _, s := range old {
			if s.ref != 0 {
				m.place(s)
			}
		}
	}
	m.used++
	m.place(refSlot{ref, number})
}

func (m *refMap) place(s refSlot) {
	mask := uint32(len(m.slots) - 1)
	i := s.ref * 0x9e3779b1 >> 7
	for m.slots[i&mask].ref != 0 {
		i++
	}
	m.slots[i&mask] = s
}

// What a name that is not one of the wanted ones is.
const (
	unnamed  = 0
	unwanted = 1<<32 - 1
)

// wanted returns the number of the wanted name that a reference stands for,
// unwanted, or unnamed.
func (c *cutter) wanted(ref uint32) uint32 {
	if ref == 0 {
		return unnamed
	}
	n, ok := c.names.get(ref)
	if !ok {
		n = unwanted
		if name := c.g.String(ref); name == "" {
			n = unnamed
		} else if number, ok := c.w.names[name]; ok {
			n = number
		}
		c.names.put(ref, n)
	}
	return n
}

// text returns the store's number of a name.
func (c *cutter) text(ref uint32) uint32 {
	if ref == 0 {
		return 0
	}
	n, ok := c.texts.get(ref)
	if !ok {
		n = c.s.String(c.g.String(ref))
		c.texts.put(ref, n)
	}
	return n
}
