package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/khulnasoft/rules_btf/internal/btf"
)

// FormatVersion is the version of the relocations file. It changes with the
// meaning of the file, so that no older minbtf misreads it.
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

// MarshalJSON writes a name as a string, an index as a number.
func (a Accessor) MarshalJSON() ([]byte, error) {
	if a.Name == "" {
		return strconv.AppendInt(nil, int64(a.Index), 10), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(a.Name)
	return b.Bytes(), err
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Accessor) UnmarshalJSON(b []byte) error {
	*a = Accessor{}
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &a.Name); err != nil {
			return err
		}
		if a.Name == "" {
			return errors.New("empty name in a path")
		}
		return nil
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
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"version\": %d,\n  \"byte_order\": %q,\n  \"relocations\": [", FormatVersion, string(rs.ByteOrder))
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i := range rs.Relocations {
		r := &rs.Relocations[i]
		if err := r.checkUTF8(); err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		err := enc.Encode(relocationJSON{r.Kind, r.TypeKind.String() + " " + r.Type, r.Path, r.Enumerator, r.Shape})
		if err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // Encode's newline
	}
	if len(rs.Relocations) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("]\n}\n")
	return b.Bytes(), nil
}

// checkUTF8 refuses names that JSON could not hold; no compiler makes them.
func (r *Relocation) checkUTF8() error {
	ok := utf8.ValidString(r.Type) && utf8.ValidString(r.Enumerator)
	for _, a := range r.Path {
		ok = ok && utf8.ValidString(a.Name)
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
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(file, &head); err != nil {
		return nil, err
	}
	if head.Version != FormatVersion {
		return nil, fmt.Errorf("version %d, this minbtf reads version %d", head.Version, FormatVersion)
	}
	var body struct {
		Version     int              `json:"version"`
		ByteOrder   ByteOrder        `json:"byte_order"`
		Relocations []relocationJSON `json:"relocations"`
	}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
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
