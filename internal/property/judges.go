package property

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/judge"
	"github.com/khulnasoft/rules_btf/internal/verify"
)

// cilium judges by cilium/ebpf, program by program.
type cilium struct{}

func (cilium) compare(full *kernel, min []byte, o *object) (*verdict, error) {
	m, err := verify.Parse(min)
	if err != nil {
		return nil, err
	}
	read, err := verify.ReadObject(o.name, o.file)
	if err != nil {
		return nil, err
	}
	res := verify.Compare(full.full, m, read)
	v := &verdict{relocations: res.Relocations, apart: len(res.Limits)}
	for _, d := range res.Differences {
		v.differences = append(v.differences, "cilium/ebpf: "+d.String())
	}
	return v, nil
}

// libbpf judges by libbpf: each relocation alone, and random sets of loaded programs.
type libbpf struct {
	j *judge.Judge
	// strict: a difference where libbpf's own result is not defined is one,
	// too. A real kernel has something behind each type.
	strict bool
	sets   *sets
}

// sets counts the sets of autoloaded programs that a loader was given.
type sets struct{ loads, different, mixed int }

func (s *sets) String() string {
	return fmt.Sprintf("%d loads of %d different sets of programs, %d of them of several but not all", s.loads, s.different, s.mixed)
}

func (l libbpf) compare(full *kernel, min []byte, o *object) (*verdict, error) {
	res, err := l.j.Compare(full.raw, min, o.file)
	if err != nil {
		return nil, err
	}
	l.sets.loads += res.Loads
	l.sets.different += res.Sets
	l.sets.mixed += res.Mixed
	v := &verdict{relocations: res.Relocations, apart: res.Undefined}
	for _, d := range res.Differences {
		v.differences = append(v.differences, d.String())
	}
	if v.findings, err = l.findings(full, o); err != nil {
		return nil, err
	}
	if l.strict && res.Undefined > 0 {
		v.differences = append(v.differences, fmt.Sprintf("libbpf: %d differences of field_signed, asked of what is no integer", res.Undefined))
	}
	return v, nil
}

// findings returns what core.Findings says otherwise than libbpf, whose matching it foretells.
func (l libbpf) findings(full *kernel, o *object) ([]string, error) {
	outcomes, err := l.j.Outcomes(full.raw, o.file)
	if err != nil {
		return nil, err
	}
	read, err := core.ReadObject(o.file)
	if err != nil {
		return nil, err
	}
	var t btf.Type
	for id := range read.BTF.NumTypes() {
		if read.BTF.Type(id, &t); t.Kind == btf.Int && t.Word>>16&0xff != 0 {
			return nil, nil // no compiler makes such integers, and relocations do not tell of them
		}
	}
	found := map[int]string{}
	all, err := core.Findings(graph.Raw{File: full.file}, o.relos)
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		i, _ := o.relos.Find(&f.Relocation)
		found[i] = f.Outcome.String()
	}
	var wrong []string
	for n, rec := range read.Records() {
		r, ok, err := read.Relocation(rec)
		if err != nil {
			return nil, err
		}
		out := outcomes[n]
		if !ok || out.Class == judge.LocalSpec || out.Class == judge.LocalType || isUnsized(read.BTF, rec) || isUnloadable(read.BTF, rec) {
			continue // refused for the object's sake, whatever the kernel
		}
		if rec.Kind == core.FieldLShiftU64 && full.file.BigEndian() {
			continue // libbpf computes it for the byte order of its host
		}
		want := ""
		switch {
		case out.Class == judge.OffsetAmbiguity, out.Class == judge.ValueAmbiguity:
			want = core.Ambiguous.String()
		case out.Class != judge.Value:
			want = core.Refused.String()
		case out.Matching == 0 && out.Candidates == 0:
			want = core.NoCandidate.String()
		case out.Matching == 0:
			want = core.NoMatch.String()
		}
		i, _ := o.relos.Find(&r)
		if got := found[i]; got != want {
			wrong = append(wrong, fmt.Sprintf("%s: %q, libbpf: %q (%s)", &r, got, want, out))
		}
	}
	return wrong, nil
}

// isUnsized reports whether a relocation needs the size of a local type for which
// libbpf finds none: it skips no more than 31, and has no room for 2 GiB.
func isUnsized(f *btf.File, rec core.Record) bool {
	unsized := func(id uint32) bool {
		_, t, skipped := underlying(f.Type, id, btf.Array)
		return skipped > 31 || !isSized(&t) || sizeOf(f, id) > math.MaxInt32
	}
	switch {
	case rec.Kind.IsField():
		end := follow(f.Type, rec.TypeID, f.String(rec.Access), func(*btf.Type, int) {})
		return unsized(rec.TypeID) || unsized(end)
	case rec.Kind == core.TypeSize:
		return unsized(rec.TypeID)
	}
	return false
}

// isUnloadable reports whether a relocation is about a local bitfield that no load of 8 bytes
// has all of, such as one of an __int128.
func isUnloadable(f *btf.File, rec core.Record) bool {
	if !rec.Kind.IsField() {
		return false
	}
	access := f.String(rec.Access)
	index, _, _ := strings.Cut(access, ":")
	first, _ := strconv.ParseUint(index, 10, 32)
	at, width, size := first*sizeOf(f, rec.TypeID)*8, uint64(0), uint64(0)
	follow(f.Type, rec.TypeID, access, func(t *btf.Type, i int) {
		width = 0
		switch {
		case t.Kind == btf.Array:
			at += uint64(i) * sizeOf(f, t.Ref) * 8
		case t.Kind.IsComposite():
			m := t.Members[i]
			size = sizeOf(f, m.Type)
			if t.KFlag {
				width, m.Offset = uint64(m.Offset>>24), m.Offset&0xffffff
			}
			at += uint64(m.Offset)
		}
	})
	if width == 0 || size == 0 {
		return false
	}
	for at+width-at/8/size*size*8 > size*8 {
		if size >= 8 {
			return true
		}
		size *= 2
	}
	return false
}
