package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/jsonfile"
)

// FormatVersion is the version of the relocations and findings files. It
// changes with their meaning, so that no older minbtf misreads them.
const FormatVersion = 1

// ErrRelocations is wrapped by every error about a relocations file.
var ErrRelocations = errors.New("not a usable relocations file")

// relocationJSON is a relocation as it is written: one line each.
type relocationJSON struct {
	Kind       RelocationKind `json:"kind"`
	Type       string         `json:"type"` // kind and name: "struct task_struct"
	Path       []Accessor     `json:"path,omitempty"`
	Enumerator string         `json:"enumerator,omitempty"`
	Shape      Shape          `json:"shape,omitempty"`
}

// MarshalJSON writes a member as its name and the type that it has in the object, an index as a number.
func (a Accessor) MarshalJSON() ([]byte, error) {
	if a.Name == "" {
		return strconv.AppendInt(nil, int64(a.Index), 10), nil
	}
	return jsonfile.Line([2]string{a.Name, a.Type.String()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Accessor) UnmarshalJSON(b []byte) error {
	*a = Accessor{}
	if len(b) > 0 && b[0] == '[' {
		var pair []string
		if err := json.Unmarshal(b, &pair); err != nil {
			return err
		}
		if len(pair) != 2 || pair[0] == "" {
			return fmt.Errorf("member %s of a path is not a name and a type", b)
		}
		var err error
		a.Name = pair[0]
		a.Type, err = parseFieldType(pair[1])
		return err
	}
	if err := json.Unmarshal(b, &a.Index); err != nil {
		return err
	}
	if a.Index < 0 {
		return fmt.Errorf("negative index %d in a path", a.Index)
	}
	return nil
}

// Marshal returns the canonical file: equal sets give equal bytes.
func (rs *Relocations) Marshal() ([]byte, error) {
	return jsonfile.Marshal(FormatVersion,
		jsonfile.Field{Name: "byte_order", Value: rs.ByteOrder},
		jsonfile.Field{Name: "relocations", Value: jsonfile.List[Relocation](rs.Relocations)})
}

func (r *Relocation) json() (relocationJSON, error) {
	return relocationJSON{r.Kind, r.TypeKind.String() + " " + r.Type, r.Path, r.Enumerator, r.Shape}, r.checkUTF8()
}

// MarshalJSON writes the relocation as Relocations.Marshal does.
func (r Relocation) MarshalJSON() ([]byte, error) {
	j, err := r.json()
	if err != nil {
		return nil, err
	}
	return jsonfile.Line(j)
}

// checkUTF8 refuses names that JSON could not hold; no compiler makes them.
func (r *Relocation) checkUTF8() error {
	ok := utf8.ValidString(r.Type) && utf8.ValidString(r.Enumerator)
	for _, a := range r.Path {
		ok = ok && utf8.ValidString(a.Name) && utf8.ValidString(a.Type.Name)
	}
	for _, s := range r.Shape {
		ok = ok && utf8.ValidString(s.Name)
		for _, m := range s.Members {
			ok = ok && utf8.ValidString(m.Name)
		}
	}
	if !ok {
		return fmt.Errorf("%w: a name in %q is not UTF-8", ErrObject, r)
	}
	return nil
}

// Unmarshal reads a relocations file.
func Unmarshal(file []byte) (*Relocations, error) {
	rs, err := unmarshal(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRelocations, err)
	}
	return rs, nil
}

func unmarshal(file []byte) (*Relocations, error) {
	var body struct {
		Version     int              `json:"version"`
		ByteOrder   ByteOrder        `json:"byte_order"`
		Relocations []relocationJSON `json:"relocations"`
	}
	if err := jsonfile.Unmarshal(file, FormatVersion, &body); err != nil {
		return nil, err
	}
	rs := &Relocations{ByteOrder: body.ByteOrder}
	switch rs.ByteOrder {
	case LittleEndian, BigEndian:
	case "":
		if len(body.Relocations) > 0 {
			return nil, errors.New("relocations without a byte order")
		}
	default:
		return nil, fmt.Errorf("unknown byte order %q", rs.ByteOrder)
	}
	for i, j := range body.Relocations {
		r, err := j.relocation()
		if err != nil {
			return nil, fmt.Errorf("relocation %d: %w", i, err)
		}
		rs.Relocations = append(rs.Relocations, r)
	}
	rs.normalize()
	return rs, nil
}

func (j *relocationJSON) relocation() (Relocation, error) {
	r := Relocation{Kind: j.Kind, Path: j.Path, Enumerator: j.Enumerator, Shape: j.Shape}
	kind, name, _ := strings.Cut(j.Type, " ")
	var ok bool
	if r.TypeKind, ok = btf.ParseKind(kind); !ok || name == "" {
		return r, fmt.Errorf("type %q is not a kind and a name", j.Type)
	}
	r.Type = name
	switch {
	case !isRoot(r.TypeKind):
		return r, fmt.Errorf("type %q is of no kind that relocations are about", j.Type)
	case r.Kind == TypeIDLocal:
		return r, fmt.Errorf("%s needs nothing of a kernel", r.Kind)
	case r.Kind.IsField() != (len(r.Path) > 0):
		return r, fmt.Errorf("%s with a path of %d steps", r.Kind, len(r.Path))
	case len(r.Path) > 0 && r.Path[0].Name != "":
		return r, errors.New("a path begins with an index")
	case r.Kind.IsEnumval() != (r.Enumerator != ""):
		return r, fmt.Errorf("%s with enumerator %q", r.Kind, r.Enumerator)
	case (r.Kind.IsField() || r.Kind.IsEnumval()) && len(r.Shape) > 0:
		return r, fmt.Errorf("%s with a shape", r.Kind)
	case r.Kind == TypeMatches && len(r.Shape) == 0:
		return r, fmt.Errorf("%s without a shape", r.Kind)
	}
	inShape := func(n int) bool { return n >= 0 && n < len(r.Shape) }
	for n, s := range r.Shape {
		ok := inShape(s.Type) && inShape(s.Index) && !s.Kind.IsModifier()
		for _, m := range s.Members {
			ok = ok && inShape(m.Type)
		}
		if !ok {
			return r, fmt.Errorf("node %d of the shape refers to none, or is a modifier", n)
		}
	}
	return r, nil
}
