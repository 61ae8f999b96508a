// Package jsonfile writes and reads minbtf's JSON files. They have a version,
// and long lists have one element to a line, so that people and diffs can read
// them. Equal values give equal bytes.
package jsonfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// A Field is a member of the file's object.
type Field struct {
	Name  string
	Value any
}

// A List is a value whose elements have one line each.
type List[E any] []E

func (l List[E]) lines() ([][]byte, error) {
	lines := make([][]byte, len(l))
	for i, e := range l {
		var err error
		if lines[i], err = Line(e); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// Marshal returns a file with the version and the fields, in their order.
func Marshal(version int, fields ...Field) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"version\": %d", version)
	for _, f := range fields {
		fmt.Fprintf(&b, ",\n  %q: ", f.Name)
		list, ok := f.Value.(interface{ lines() ([][]byte, error) })
		if !ok {
			line, err := Line(f.Value)
			if err != nil {
				return nil, err
			}
			b.Write(line)
			continue
		}
		lines, err := list.lines()
		if err != nil {
			return nil, err
		}
		b.WriteByte('[')
		if len(lines) > 0 {
			b.WriteString("\n    ")
			b.Write(bytes.Join(lines, []byte(",\n    ")))
			b.WriteString("\n  ")
		}
		b.WriteByte(']')
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

// Line is json.Marshal that leaves <, > and & as they are.
func Line(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if m := (*json.MarshalerError)(nil); errors.As(err, &m) {
		err = m.Err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Unmarshal reads a file of the given version into body, a struct that has a
// field for each member, the version included.
func Unmarshal(file []byte, version int, body any) error {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(file, &head); err != nil {
		return err
	}
	if head.Version != version {
		return fmt.Errorf("version %d, this minbtf reads version %d", head.Version, version)
	}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.DisallowUnknownFields()
	return dec.Decode(body)
}
