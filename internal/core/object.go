package core

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/elffile"
)

// ErrObject is wrapped by every error about a file that is no usable BPF object.
var ErrObject = errors.New("not a usable BPF object")

// A Record is one relocation as it stands in .BTF.ext (struct bpf_core_relo).
type Record struct {
	Section    string // ELF section of the instruction
	InsnOffset uint32 // of the instruction in its section, in bytes
	TypeID     uint32 // local root type
	Access     uint32 // name reference of the access string
	Kind       RelocationKind
}

// An Object is what relocation needs of a BPF ELF object.
type Object struct {
	BigEndian bool
	BTF       *btf.File
	sections  []extSection
	elf       *elf.File
	file      []byte
}

// An extSection holds the relocations of one ELF section as they stand in
// .BTF.ext. They are checked, but there are too many to keep them decoded.
type extSection struct {
	name    string
	records []uint32
	each    int // words of a record
}

// Records yields the object's relocations in the order of the file.
func (o *Object) Records() iter.Seq2[int, Record] {
	return func(yield func(int, Record) bool) {
		n := 0
		for _, s := range o.sections {
			for r := s.records; len(r) > 0; r = r[s.each:] {
				if !yield(n, Record{s.name, r[0], r[1], r[2], RelocationKind(r[3])}) {
					return
				}
				n++
			}
		}
	}
}

// IsObject reports whether a file is an ELF file for BPF, by its header alone.
func IsObject(file []byte) bool {
	if len(file) < 20 || !bytes.HasPrefix(file, []byte(elf.ELFMAG)) {
		return false
	}
	machine := binary.LittleEndian.Uint16(file[18:])
	if file[elf.EI_DATA] == byte(elf.ELFDATA2MSB) {
		machine = binary.BigEndian.Uint16(file[18:])
	}
	return elf.Machine(machine) == elf.EM_BPF
}

// ReadObject reads a BPF object from the bytes of an ELF file, to which it goes
// on referring. An object without .BTF.ext, or without relocations in it, has no records.
func ReadObject(file []byte) (*Object, error) {
	o, err := readObject(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrObject, err)
	}
	return o, nil
}

func readObject(file []byte) (*Object, error) {
	if len(file) == 0 {
		return nil, errors.New("the file is empty")
	}
	if !bytes.HasPrefix(file, []byte(elf.ELFMAG)) {
		return nil, errors.New("no ELF file; compile with clang -g -O2 -target bpf")
	}
	e, err := elffile.Open(file)
	if err != nil {
		return nil, err
	}
	if e.Machine != elf.EM_BPF {
		return nil, fmt.Errorf("an ELF file for %s, not for BPF; compile with clang -g -O2 -target bpf", e.Machine)
	}
	o := &Object{BigEndian: e.Data == elf.ELFDATA2MSB, elf: e, file: file}
	raw, err := elffile.Section(e, file, ".BTF")
	if err != nil {
		return nil, err
	}
	ext, err := elffile.Section(e, file, ".BTF.ext")
	if err != nil {
		return nil, err
	}
	if raw == nil {
		if ext != nil {
			return nil, errors.New("section .BTF.ext without .BTF; compile with clang -g -O2 -target bpf")
		}
		return nil, errors.New("no section .BTF; compile with clang -g -O2 -target bpf")
	}
	if o.BTF, err = btf.Parse(raw); err != nil {
		return nil, fmt.Errorf("section .BTF: %w", err)
	}
	if o.BTF.BigEndian() != o.BigEndian {
		return nil, errors.New("section .BTF: byte order differs from the ELF file's")
	}
	if ext == nil {
		return o, nil
	}
	if err := o.readExt(ext); err != nil {
		return nil, fmt.Errorf("section .BTF.ext: %w", err)
	}
	return o, nil
}

const (
	extHeaderLen     = 24 // struct btf_ext_header without CO-RE
	extHeaderLenCore = 32
	relocationLen    = 16 // struct bpf_core_relo

	maxString = 1<<16 - 1 // bytes of an access string or a section's name
)

func (o *Object) readExt(x []byte) error {
	order := o.BTF.Order()
	if len(x) < extHeaderLen {
		return fmt.Errorf("%d bytes, shorter than a header", len(x))
	}
	if m := order.Uint16(x); m != 0xeb9f {
		return fmt.Errorf("magic is %#x, not 0xeb9f", m)
	}
	if x[2] != 1 {
		return fmt.Errorf("version %d, expected 1", x[2])
	}
	hlen := order.Uint32(x[4:])
	if hlen < extHeaderLen || uint64(hlen) > uint64(len(x)) {
		return fmt.Errorf("header length %d in %d bytes", hlen, len(x))
	}
	if hlen < extHeaderLenCore {
		return nil // written before there was CO-RE
	}
	off, size := uint64(order.Uint32(x[24:])), uint64(order.Uint32(x[28:]))
	if size == 0 {
		return nil
	}
	if uint64(hlen)+off+size > uint64(len(x)) {
		return fmt.Errorf("relocations (offset %d, %d bytes) end behind the section", off, size)
	}
	if size%4 != 0 {
		return errors.New("relocations are cut off")
	}
	w := btf.Words(x[uint64(hlen)+off:][:size], o.BigEndian)
	each := w[0]
	w = w[1:]
	if each < relocationLen || each%4 != 0 {
		return fmt.Errorf("a relocation of %d bytes, expected %d", each, relocationLen)
	}
	count := 0
	for len(w) > 0 {
		if len(w) < 2 {
			return errors.New("relocations are cut off")
		}
		nameRef, n := w[0], w[1]
		w = w[2:]
		if uint64(n)*uint64(each/4) > uint64(len(w)) {
			return fmt.Errorf("%d relocations of a section in %d bytes", n, 4*len(w))
		}
		if n == 0 {
			return errors.New("a section with 0 relocations")
		}
		name, err := o.name(nameRef)
		if err != nil {
			return fmt.Errorf("name of a section: %w", err)
		}
		s := extSection{name, w[:n*(each/4)], int(each / 4)}
		w = w[len(s.records):]
		for r := s.records; len(r) > 0; r = r[s.each:] {
			if r[1] >= o.BTF.NumTypes() {
				return fmt.Errorf("relocation %d refers to type %d, but there are only %d", count, r[1], o.BTF.NumTypes()-1)
			}
			if err := o.checkName(r[2]); err != nil {
				return fmt.Errorf("access string of relocation %d: %w", count, err)
			}
			count++
		}
		o.sections = append(o.sections, s)
	}
	return nil
}

func (o *Object) name(ref uint32) (string, error) {
	if err := o.checkName(ref); err != nil {
		return "", err
	}
	return o.BTF.String(ref), nil
}

func (o *Object) checkName(ref uint32) error {
	if !o.BTF.ValidName(ref) {
		return fmt.Errorf("at %d, which is not the beginning of a string", ref)
	}
	if text := o.BTF.Text(ref); len(text) > maxString && bytes.IndexByte(text[:maxString+1], 0) < 0 {
		return fmt.Errorf("at %d, longer than %d bytes", ref, maxString)
	}
	return nil
}

// Relocations returns the canonical set of the object's relocations.
func (o *Object) Relocations() (*Relocations, error) {
	rs := &Relocations{ByteOrder: byteOrder(o.BigEndian)}
	type key struct {
		typeID, access uint32
		kind           RelocationKind
	}
	seen := map[key]bool{}
	size := 0
	for i, rec := range o.Records() {
		k := key{rec.TypeID, rec.Access, rec.Kind}
		if seen[k] {
			continue
		}
		seen[k] = true
		r, ok, err := o.Relocation(rec)
		if err != nil {
			return nil, fmt.Errorf("%w: relocation %d (section %s, instruction %d): %w", ErrObject, i, rec.Section, rec.InsnOffset/8, err)
		}
		if size += 64 + 8*len(o.BTF.String(rec.Access)) + r.size(); size > maxCanonical {
			return nil, fmt.Errorf("%w: its relocations take more than %d MiB", ErrObject, maxCanonical>>20)
		}
		if ok {
			rs.Relocations = append(rs.Relocations, r)
		}
	}
	rs.normalize()
	return rs, nil
}

// maxCanonical bounds the memory that an object's relocations take: hostile
// ones multiply its names and types. Matching the whole vmlinux.h takes a few
// megabytes for each type_matches.
const maxCanonical = 1 << 27

// size is about how many bytes a relocation takes in memory and as JSON.
func (r *Relocation) size() int {
	n := len(r.Type) + len(r.Enumerator)
	for i := range r.Path {
		n += 64 + len(r.Path[i].Name) + len(r.Path[i].Type.Name) + 2*r.Path[i].Type.Dims
	}
	for i := range r.Shape {
		n += 80 + len(r.Shape[i].Name)
		for j := range r.Shape[i].Members {
			n += 24 + len(r.Shape[i].Members[j].Name)
		}
	}
	return n
}

// Relocation returns the relocation that a record asks for; ok is false if no
// kernel type has a part in it.
func (o *Object) Relocation(rec Record) (r Relocation, ok bool, err error) {
	if rec.Kind >= numRelocationKinds {
		return r, false, fmt.Errorf("unknown %s; a newer minbtf may know it", rec.Kind)
	}
	f := o.BTF
	access := f.String(rec.Access)
	path, err := parseAccess(access)
	if err != nil {
		return r, false, err
	}
	kind, name := f.Head(rec.TypeID)
	r = Relocation{Kind: rec.Kind, TypeKind: kind, Type: f.String(name)}
	switch {
	case rec.Kind == TypeIDLocal:
		return r, false, nil
	case r.Type == "":
		return r, false, nil // both loaders refuse it, whatever the kernel
	case !isRoot(kind):
		return r, false, fmt.Errorf("type %s is of no kind that relocations are about", f.Describe(rec.TypeID))
	}
	under := underlying(f, rec.TypeID)
	kind, _ = f.Head(under)
	switch {
	case rec.Kind.IsField():
		r.Path, err = o.fieldPath(rec.TypeID, access, path)
		return r, true, err
	case rec.Kind.IsEnumval():
		if !kind.IsEnum() || len(path) != 1 || path[0] >= f.Len(under) {
			return r, false, fmt.Errorf("access %q names no enumerator of type %s", access, f.Describe(rec.TypeID))
		}
		if r.Enumerator = f.String(f.Entry(under, path[0]).Name); r.Enumerator == "" {
			return r, false, fmt.Errorf("access %q names an enumerator without a name", access)
		}
		return r, true, nil
	}
	if access != "0" {
		return r, false, fmt.Errorf("access %q of a %s, expected \"0\"", access, rec.Kind)
	}
	if rec.Kind == TypeMatches || under != rec.TypeID || kind == btf.Ptr || kind == btf.Array || kind == btf.FuncProto {
		r.Shape = shapeOf(f, under, rec.Kind == TypeMatches)
	}
	return r, true, nil
}

// fieldPath translates an access string's indices into names (libbpf's bpf_core_parse_spec).
func (o *Object) fieldPath(id uint32, access string, path []int) ([]Accessor, error) {
	out := []Accessor{{Index: path[0]}}
	var t btf.Type
	for _, i := range path[1:] {
		under := underlying(o.BTF, id)
		switch kind, _ := o.BTF.Head(under); {
		case kind.IsComposite() && i < o.BTF.Len(under):
			m := o.BTF.Entry(under, i)
			if name := o.BTF.String(m.Name); name != "" {
				out = append(out, Accessor{Name: name, Type: fieldType(o.BTF, m.Type)})
			}
			id = m.Type
		case kind == btf.Array:
			o.BTF.Type(under, &t)
			// An index past the end is for the loader to judge: it may be a flexible array's.
			out = append(out, Accessor{Index: i})
			id = t.Ref
		default:
			return nil, fmt.Errorf("access %q leads out of type %s", access, o.BTF.Describe(id))
		}
	}
	return out, nil
}

// fieldType returns what matching looks at of a member's type.
func fieldType(f *btf.File, id uint32) FieldType {
	var ft FieldType
	var t btf.Type
	for {
		id = underlying(f, id)
		kind, name := f.Head(id)
		switch kind {
		case btf.Array:
			f.Type(id, &t)
			ft.Dims++
			id = t.Ref
			continue
		case btf.Int:
			if f.Type(id, &t); isOffsetInt(&t) {
				return ft // a bitfield of old, which matches nothing
			}
		}
		ft.Kind, ft.Name = kind, f.String(name)
		return ft.normal()
	}
}

// isOffsetInt reports whether t is an INT with an offset, by which compilers described bitfields before kind_flag.
func isOffsetInt(t *btf.Type) bool { return t.Kind == btf.Int && t.Word>>16&0xff != 0 }

func parseAccess(s string) ([]int, error) {
	var path []int
	for p := range strings.SplitSeq(s, ":") {
		i, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("access %q is not of the form 0:1:2", s)
		}
		path = append(path, int(i))
	}
	return path, nil
}

// Union returns the canonical set of several objects' relocations. It fails if their byte orders differ.
func Union(sets ...*Relocations) (*Relocations, error) {
	u := &Relocations{}
	for _, s := range sets {
		switch {
		case s.ByteOrder == "":
		case u.ByteOrder == "":
			u.ByteOrder = s.ByteOrder
		case u.ByteOrder != s.ByteOrder:
			return nil, fmt.Errorf("objects of both byte orders (%s- and %s-endian); a kernel has one", u.ByteOrder, s.ByteOrder)
		}
		u.Relocations = append(u.Relocations, s.Relocations...)
	}
	u.normalize()
	return u, nil
}
