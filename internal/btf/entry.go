package btf

// Len returns the number of a type's entries, and is cheaper than Type.
func (f *File) Len(id uint32) int {
	switch kind, _ := f.Head(id); kind {
	case Struct, Union, Enum, Enum64, FuncProto, Datasec:
		return int(info(f.record(id)[1]).vlen())
	}
	return 0
}

// Entry returns entry i of a type, which is less than Len, as it stands in
// Type's Members. It does not decode the others: many relocations of one large
// type cost no more than as many of small ones.
func (f *File) Entry(id uint32, i int) Member {
	r := f.record(id)
	kind := info(r[1]).kind()
	r = r[recordWords+int(layouts[kind].each)*i:]
	switch kind {
	case Enum:
		return Member{Name: r[0], Offset: r[1]}
	case Enum64:
		return Member{Name: r[0], Offset: r[1], Type: r[2]}
	case FuncProto:
		return Member{Name: r[0], Type: r[1]}
	case Datasec:
		return Member{Type: r[0], Offset: r[1], Size: r[2]}
	}
	return Member{Name: r[0], Type: r[1], Offset: r[2]}
}

// record returns the words of a type's record, and those behind it.
func (f *File) record(id uint32) []uint32 {
	if id < f.first {
		return f.base.record(id)
	}
	return f.words[f.offsets[id-f.first]:]
}
