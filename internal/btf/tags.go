package btf

import "fmt"

// checkTags returns an error if a DECL_TAG is for nothing that can bear one,
// or for a component that its type does not have (the kernel's btf_decl_tag_resolve).
func (f *File) checkTags(ids []uint32) error {
	var tag Type
	for _, id := range ids {
		f.Type(id, &tag)
		components, ok := f.components(tag.Ref)
		if !ok {
			return fmt.Errorf("type %s is for type %s, which bears none", f.Describe(id), f.Describe(tag.Ref))
		}
		if component := int32(tag.Word); component < -1 || int(component) >= components {
			return fmt.Errorf("type %s is for component %d of type %s, which has %d", f.Describe(id), component, f.Describe(tag.Ref), components)
		}
	}
	return nil
}

// components returns of how many parts a type's tags can be for; ok is false if
// it bears no tags.
func (f *File) components(id uint32) (n int, ok bool) {
	switch kind, _ := f.Head(id); kind {
	case Struct, Union:
		return f.Len(id), true
	case Var, Typedef:
		return 0, true
	case Func:
		proto := f.Ref(id)
		kind, _ := f.Head(proto)
		return f.Len(proto), kind == FuncProto
	}
	return 0, false
}
