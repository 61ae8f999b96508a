package btf

import "fmt"

// checkTags returns an error if a DECL_TAG is for nothing that can bear one,
// or for a component that its type does not have (the kernel's btf_decl_tag_resolve).
func (f *File) checkTags(ids []uint32) error {
	var tag, t Type
	for _, id := range ids {
		f.Type(id, &tag)
		f.Type(tag.Ref, &t)
		if t.Kind == Func {
			f.Type(t.Ref, &t)
		}
		switch t.Kind {
		case Struct, Union, FuncProto:
		case Var, Typedef:
			t.Members = t.Members[:0]
		default:
			return fmt.Errorf("type %s is for type %s, which bears none", f.Describe(id), f.Describe(tag.Ref))
		}
		if component := int32(tag.Word); component < -1 || int(component) >= len(t.Members) {
			return fmt.Errorf("type %s is for component %d of type %s, which has %d", f.Describe(id), component, f.Describe(tag.Ref), len(t.Members))
		}
	}
	return nil
}
