package pack_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/khulnasoft/rules_btf/btfpack"
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/store"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

var (
	moreKernels = flag.String("kernels", "", "a folder with more kernels")
	moreObjects = flag.String("objects", "", "a folder with more objects")
)

// realKernels returns the BTF of the example's kernels, and of those in a folder, if one is
// named; and one of them in the other byte order.
func realKernels(t testing.TB, dir string) map[string]*btf.File {
	t.Helper()
	paths := testfiles.Kernels(t)
	kernels := map[string]*btf.File{"real/big-endian": swapped(t, btftest.File(t, testfiles.BTF(t, paths[0])))}
	if dir != "" {
		paths = append(paths, testfiles.Files(t, dir, ".btf", ".btf.tar.xz")...)
	}
	for i, path := range paths {
		kernels[fmt.Sprintf("real/%d/%s", i, testfiles.Release(path))] = btftest.File(t, testfiles.BTF(t, path))
	}
	return kernels
}

// swapped returns a kernel in big-endian byte order.
func swapped(t testing.TB, f *btf.File) *btf.File {
	t.Helper()
	raw, err := btftest.From(f).Kernel(binary.BigEndian)
	if err != nil {
		t.Fatal(err)
	}
	return btftest.File(t, raw)
}

// relocations returns sets of them, by name: of the repository's objects, and of those in a folder, if one is named.
func relocations(t testing.TB, dir string) map[string]*core.Relocations {
	t.Helper()
	paths := []string{testfiles.TraceeObject(t), "../core/testdata/kinds.bpf.o", "../core/testdata/kinds.eb.bpf.o"}
	if dir != "" {
		paths = append(paths, testfiles.Files(t, dir, ".o")...)
	}
	sets := map[string]*core.Relocations{}
	for _, path := range paths {
		sets[filepath.Base(path)] = btftest.Relocations(t, testfiles.Read(t, path))
	}
	return sets
}

// packed returns the pack of some kernels.
func packed(t testing.TB, kernels map[string]*btf.File) []byte {
	t.Helper()
	b := pack.NewBuilder()
	for _, name := range slices.Sorted(maps.Keys(kernels)) {
		add(t, b, name, kernels[name])
	}
	return file(t, b)
}

func add(t testing.TB, b *pack.Builder, name string, f *btf.File) {
	t.Helper()
	if err := b.Import(name, sum(t, f), f); err != nil {
		t.Fatal(err)
	}
}

func sum(t testing.TB, f *btf.File) [sha256.Size]byte { return sha256.Sum256(bytesOf(t, f)) }

func bytesOf(t testing.TB, f *btf.File) []byte {
	t.Helper()
	raw, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func file(t testing.TB, b *pack.Builder) []byte {
	t.Helper()
	f, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t testing.TB, file []byte) *packfile.Pack {
	t.Helper()
	p, err := pack.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func all(string) bool { return true }

// tailored returns what is left of a pack's kernels: raw BTF by name, errors, and the pack of them.
func tailored(t testing.TB, p *packfile.Pack, rs *core.Relocations, jobs int) (map[string][]byte, map[string]error, []byte) {
	t.Helper()
	raws, errs := map[string][]byte{}, map[string]error{}
	b := pack.NewBuilder()
	one := make(chan struct{}, 1)
	err := pack.Tailor(p, rs, jobs, all, func(s *store.Store) pack.Sink {
		put := b.Tailored(s)
		return func(name string, _ graph.Graph, k *store.Kernel, err error) error {
			one <- struct{}{}
			defer func() { <-one }()
			if err != nil {
				errs[name] = err
				return nil
			}
			raw, err := s.Raw(k)
			if err != nil {
				return err
			}
			raws[name] = raw
			return put(name, k)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return raws, errs, file(t, b)
}

// TestSameBytes is the promise of packs: what is left of a kernel is the same
// whichever way it went.
func TestSameBytes(t *testing.T) {
	sameBytes(t, realKernels(t, *moreKernels), relocations(t, *moreObjects))
}

// The same, for the kernels and objects in ../shared beside the repository.
func TestSameBytesOfCorpus(t *testing.T) {
	if *moreKernels != "" || *moreObjects != "" {
		t.Skip("TestSameBytes has those of -kernels and -objects")
	}
	sameBytes(t, realKernels(t, testfiles.Shared(t, "corpus", "-kernels")), relocations(t, testfiles.Shared(t, "objects", "-objects")))
}

func sameBytes(t *testing.T, kernels map[string]*btf.File, sets map[string]*core.Relocations) {
	defer pack.SetPerJob(3)()
	maps.Copy(kernels, oddKernels(t))
	for i, rs := range oddRelocations(t) {
		sets[fmt.Sprint("odd", i)] = rs
	}
	t.Logf("%d kernels, %d objects", len(kernels), len(sets))
	p := open(t, packed(t, kernels))
	for name, rs := range sets {
		t.Run(name, func(t *testing.T) { sameAsDirectly(t, kernels, p, rs) })
	}
}

func sameAsDirectly(t *testing.T, kernels map[string]*btf.File, p *packfile.Pack, rs *core.Relocations) {
	got, errs, small := tailored(t, p, rs, 3)
	public, err := btfpack.Open(small)
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	for name, f := range kernels {
		want, err := core.Prune(graph.Raw{File: f}, rs)
		if err != nil {
			if errs[name] == nil || errs[name].Error() != err.Error() {
				t.Errorf("%s: %v, but directly %v", name, errs[name], err)
			}
			if strings.HasPrefix(name, "real/") && !errors.Is(err, core.ErrByteOrder) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if served++; !bytes.Equal(got[name], want) {
			t.Errorf("%s: %d bytes, but directly %d (%v)\n%s\n%s", name, len(got[name]), len(want), errs[name], text(got[name]), text(want))
			continue
		}
		if raw, err := public.BTF(name); err != nil || !bytes.Equal(raw, want) {
			t.Errorf("%s: from the tailored pack %d bytes (%v), not %d", name, len(raw), err, len(want))
		}
	}
	if served == 0 || len(got) != served || len(public.Kernels()) != served {
		t.Errorf("%d kernels, %d tailored, %d in the pack", served, len(got), len(public.Kernels()))
	}
}

func text(raw []byte) string {
	f, err := btf.Parse(raw)
	if err != nil || len(raw) > 1<<12 {
		return ""
	}
	return btftest.Format(f)
}

// TestVersion1 reads a full pack as it was written, with the zstd of then.
func TestVersion1(t *testing.T) {
	const path = "testdata/odd.btfpack"
	kernels := oddKernels(t)
	fresh := packed(t, kernels)
	old := testfiles.Kept(t, path, fresh)
	if !bytes.Contains(old, []byte("\x28\xb5\x2f\xfd")) {
		t.Errorf("%s: nothing is compressed with zstd", path)
	}
	got, want := raws(t, open(t, old)), raws(t, open(t, fresh))
	if len(got) < len(kernels) {
		t.Errorf("%s: %d of %d kernels", path, len(got), len(kernels))
	}
	for name := range got {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s: %s: other types", path, name)
		}
	}
}

// raws returns raw BTF of a full pack's kernels.
func raws(t testing.TB, p *packfile.Pack) map[string][]byte {
	t.Helper()
	if err := p.Types(); err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	view := store.NewView(p.Store, true)
	for k, err := range p.Kernels(true) {
		if err != nil {
			t.Fatal(err)
		}
		if all[k.Name], err = view.Raw(&k.Kernel); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// oddKernels are small kernels in which names mean several things.
func oddKernels(t testing.TB) map[string]*btf.File {
	kernels := map[string]*btf.File{}
	for i, part := range odd {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			kernels[fmt.Sprintf("odd/%d/%v", i, order)] = withModule(t, btftest.Parse(t, order, part.kernel), part.module)
		}
	}
	return kernels
}

// withModule returns a kernel as if a module was loaded, unless that is none.
func withModule(t testing.TB, base *btf.File, text string) *btf.File {
	t.Helper()
	if text == "" {
		return base
	}
	module, err := btf.ParseSplit(btftest.Module(t, base, text), base)
	if err != nil {
		t.Fatal(err)
	}
	f, err := btf.Merge(base, module)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func oddRelocations(t testing.TB) []*core.Relocations {
	var sets []*core.Relocations
	for _, part := range odd {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			sets = append(sets, btftest.Relocations(t, btftest.Object(t, order, part.object)))
		}
	}
	return sets
}

// odd are kernels whose types are told apart only by what their pointers lead to, round
// in circles, through anonymous structs and by value; and objects that look there.
var odd = []struct{ kernel, module, object string }{
	// Two rings of equal structs, each through its own leaf; the second ring is there twice.
	{`
		int long~unsigned~int 8
		int int 4 signed
		struct leaf 4 { a int @0 }
		struct node 16 { next *struct node @0; leaf *struct leaf @64 }
		struct leaf 8 { b int @0; a int @32 }
		struct node 16 { next *struct node#2 @0; leaf *struct leaf#2 @64 }
		struct node 16 { next *struct node#4 @0; leaf *struct leaf#3 @64 }
		struct node 16 { next *struct node#3 @0; leaf *struct leaf#3 @64 }
		struct leaf 8 { b int @0; a int @32 }
		struct list 40 { first *struct node#3 @0; struct 8 { deep [2] *struct node#2 @0 } @64; by struct node @192 }
		struct list 40 { first *struct node#4 @0; struct 8 { deep [2] *struct node @0 } @64; by struct node#2 @192 }
		typedef node_fn func(*struct node#2, *const struct leaf) *struct list#2
		struct ops 8 { call *node_fn @0 }
		struct alone 48 { l struct list#2 @0; t *tree @320 }
		typedef tree struct tree
		struct tree 16 { up *tree @0; n *struct node#3 @64 }`, "", `
		int int 4 signed
		struct leaf 8 { b int @0; a int @32 }
		struct node 16 { next *struct node @0; leaf *struct leaf @64 }
		struct list 40 { first *struct node @0; struct 8 { deep [2] *struct node @0 } @64; by struct node @192 }
		typedef node_fn func(*struct node, *const struct leaf) *struct list
		struct ops 8 { call *node_fn @0 }
		struct alone 48 { l struct list @0; t *tree @320 }
		typedef tree struct tree
		struct tree 16 { up *tree @0; n *struct node @64 }
		reloc kprobe/a type_matches struct list 0
		reloc kprobe/a type_matches struct ops 0
		reloc kprobe/a type_matches struct alone 0
		reloc kprobe/a type_matches struct tree 0
		reloc kprobe/a type_exists node_fn 0
		reloc kprobe/a type_size struct node 0
		reloc kprobe/a field_byte_offset struct list 0:2:1
		reloc kprobe/a field_byte_offset struct list 0:1:0:1
		reloc kprobe/a field_exists struct leaf 0:1
		reloc kprobe/b type_id_target struct node 0`},
	// 32 bits; candidates of several kinds and flavors, in two orders.
	{`
		int long 4 signed
		int int 4 signed
		typedef thing struct thing___old
		struct thing___old 8 { a int @0; b *struct thing @32 }
		struct thing 4 { b *union thing @0 }
		union thing 4 { a int @0; b *struct thing @0 }
		fwd struct thing
		enum thing 4 { A = 1; B = 2 }
		enum thing___v2 4 { A = 1; C = 3 }
		enum64 big 8 { BIG = 0x100000001 }
		struct thing_ 4 { a int @0 }
		struct holder 16 { t struct thing___old @0; e enum thing @64; f *fwd thing @96 }
		struct holder 16 { e enum thing @96; t struct thing___old @0; f *struct thing @64 }`, "", `
		int int 4 signed
		struct thing 8 { a int @0; b *struct thing @32 }
		union thing 4 { a int @0; b *struct thing @0 }
		enum thing 4 { A = 1; B = 2 }
		enum64 big 8 { BIG = 1 }
		struct holder 16 { t struct thing @0; e enum thing @64; f *struct thing @96 }
		reloc kprobe/a field_byte_offset struct thing 0:0
		reloc kprobe/a field_byte_offset struct thing 0:1
		reloc kprobe/a field_byte_size union thing 0:1
		reloc kprobe/a enumval_value enum thing 0
		reloc kprobe/a enumval_exists enum thing 1
		reloc kprobe/a enumval_value enum big 0
		reloc kprobe/a type_matches struct holder 0
		reloc kprobe/a field_signed struct holder 0:1
		reloc kprobe/b type_id_target struct thing 0`},
	// As the first one, with other types behind the same names.
	{`
		int long~unsigned~int 8
		int int 4 signed
		struct leaf 8 { b int @0; a int @32 }
		struct leaf 4 { a int @0 }
		struct node 16 { next *struct node @0; leaf *struct leaf @64 }
		struct list 40 { first *struct node @0; struct 8 { deep [2] *struct node @0 } @64; by struct node @192 }
		typedef node_fn func(*struct node, *const struct leaf#2) *struct list
		struct ops 8 { call *node_fn @0 }`, "", `
		struct nothing 4 { }
		reloc kprobe/a type_exists struct nothing 0`},
	// A type holds another one of its name: to code the inner one before the outer
	// one leads in a circle, though no type contains itself.
	{`
		int int 4 signed
		struct b 8 { a struct a @0; i int @32 }
		struct a 4 { b struct b#2 @0 }
		struct b 4 { x int @0 }
		union u 8 { a [2] struct a @0; u union u#2 @0 }
		union u 8 { b struct b @0 }
		struct odd 8 { a int @0; b int @32 }
		struct odd 8 { a int @0; b void @32 }`, "", `
		int int 4 signed
		struct a 4 { b struct b @0 }
		struct b 4 { x int @0 }
		reloc kprobe/a type_matches struct a 0
		reloc kprobe/a field_byte_offset struct b 0:0
		reloc kprobe/a type_size struct b 0`},
	// A module, whose types refer to vmlinux' and have names of them.
	{`
		int long 8 signed
		int int 4 signed
		struct leaf 4 { a int @0 }
		struct list 16 { next *struct list @0; leaf *struct leaf @64 }
		typedef list_t struct list`, `
		struct leaf 8 { b int @0; a int @32 }
		struct list 16 { next *struct list @0; leaf *struct leaf#2 @64 }
		struct conn 48 { first list_t @0; by struct leaf#2 @128; other *struct list#2 @192; up *struct conn @256 }
		enum state 4 { OPEN = 1; CLOSED = 2 }`, `
		int int 4 signed
		struct leaf 8 { b int @0; a int @32 }
		struct list 16 { next *struct list @0; leaf *struct leaf @64 }
		typedef list_t struct list
		struct conn 48 { first list_t @0; by struct leaf @128; other *struct list @192; up *struct conn @256 }
		enum state 4 { CLOSED = 0 }
		reloc kprobe/a type_matches struct conn 0
		reloc kprobe/a type_matches struct list 0
		reloc kprobe/a field_byte_offset struct conn 0:1:1
		reloc kprobe/a field_exists struct leaf 0:0
		reloc kprobe/b enumval_value enum state 0
		reloc kprobe/c type_exists list_t 0`},
}

// Importing is exact: what a full pack gives is the same types again.
func TestUnpack(t *testing.T) {
	kernels := realKernels(t, *moreKernels)
	maps.Copy(kernels, oddKernels(t))
	objects := [][]byte{testfiles.Read(t, testfiles.TraceeObject(t)), testfiles.Read(t, "../core/testdata/kinds.bpf.o")}
	p := open(t, packed(t, kernels))
	again := map[string]*btf.File{}
	judged := 0
	for k, err := range p.Kernels(true) {
		if err != nil {
			t.Fatal(err)
		}
		raw, err := p.Store.Raw(&k.Kernel)
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if k.Sum != sum(t, kernels[k.Name]) {
			t.Errorf("%s: another checksum", k.Name)
		}
		again[k.Name] = btftest.File(t, raw)
		if k.BigEndian || !strings.HasPrefix(k.Name, "real/") {
			continue
		}
		// To cilium/ebpf it is the same kernel.
		for _, object := range objects {
			res := btftest.Verify(t, bytesOf(t, kernels[k.Name]), raw, object)
			for _, d := range append(res.Differences, res.Limits...) {
				t.Errorf("%s: %s", k.Name, d)
			}
			judged += res.Same
		}
	}
	if judged == 0 {
		t.Error("nothing was judged")
	}
	if len(again) != len(kernels) {
		t.Fatalf("%d kernels of %d", len(again), len(kernels))
	}
	// Checksums are of other files now; all else is the same.
	b, c := pack.NewBuilder(), pack.NewBuilder()
	for _, name := range slices.Sorted(maps.Keys(kernels)) {
		for builder, f := range map[*pack.Builder]*btf.File{b: kernels[name], c: again[name]} {
			if err := builder.Import(name, [32]byte{}, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !bytes.Equal(file(t, b), file(t, c)) {
		t.Error("the types of an unpacked kernel are others")
	}
}

// ofKind returns a kernel with a type of a kind that only its layout section says anything about.
func ofKind(t testing.TB, kind byte) *btf.File {
	t.Helper()
	raw := btftest.Compile(t, binary.LittleEndian, "fwd struct strange\nint int 4\nstruct s 4 { a int @0 }")
	layout := make([]byte, 4*(int(kind)+1))
	header := bytes.Clone(raw[:24])
	header[4] = 32
	header = binary.LittleEndian.AppendUint32(header, uint32(len(raw)-24))
	header = binary.LittleEndian.AppendUint32(header, uint32(len(layout)))
	raw = slices.Concat(header, raw[24:], layout)
	raw[32+7] = kind
	return btftest.File(t, raw)
}

// A kind that nobody knows yet is in the way of those alone who ask for it.
func TestUnknownKind(t *testing.T) {
	kernels := map[string]*btf.File{"k": ofKind(t, 31)}
	b := pack.NewBuilder()
	if err := b.Import("k", [32]byte{}, kernels["k"]); err != nil {
		t.Fatal(err)
	}
	p := open(t, file(t, b))
	const object = "int int 4\nstruct s 4 { a int @0 }\nstruct strange 4 { }\n"
	sameAsDirectly(t, kernels, p, btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, object+"reloc kprobe/a field_exists struct s 0:0")))
	rs := btftest.Relocations(t, btftest.Object(t, binary.LittleEndian, object+"reloc kprobe/a field_exists struct strange 0"))
	_, direct := core.Prune(graph.Raw{File: kernels["k"]}, rs)
	_, errs, _ := tailored(t, p, rs, 1)
	for way, err := range map[string]error{"directly": direct, "from a pack": errs["k"]} {
		if !errors.Is(err, btf.ErrFormat) || !strings.Contains(err.Error(), `(kind 31 "strange") is of a kind unknown to this minbtf`) {
			t.Errorf("%s: %v", way, err)
		}
	}
}

// What packs cannot hold is refused, and the importer and its store are as good as before.
func TestRefusedKernels(t *testing.T) {
	const good = "int int 4\nstruct s 8 { p *struct s @0 }"
	want := packed(t, map[string]*btf.File{"k": btftest.Parse(t, binary.LittleEndian, good)})
	parse := func(text string) *btf.File { return btftest.Parse(t, binary.LittleEndian, text) }
	for what, c := range map[string]struct {
		kernel *btf.File
		want   string
	}{
		"a pointer to itself":             {parse("typedef a *a"), `type 1 (typedef "a") leads back to itself, but to no struct`},
		"functions of each other":         {parse("int int 4\ntypedef a *func(b) int\ntypedef b *func(*const a) int"), "leads back to itself, but to no struct"},
		"an anonymous struct of pointers": {parse("typedef a struct 8 { p *a @0 }"), "leads back to itself, but to no struct"},
		"a kind of the far future":        {ofKind(t, 32), `type 1 (kind 32 "strange") is of a kind that packs do not hold`},
	} {
		b := pack.NewBuilder()
		err := b.Import("bad", [32]byte{}, c.kernel)
		if !errors.Is(err, btf.ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q", what, err, c.want)
		}
		add(t, b, "k", btftest.Parse(t, binary.LittleEndian, good))
		if !bytes.Equal(file(t, b), want) {
			t.Errorf("%s: the next kernel is another one", what)
		}
	}
}

func merge(t testing.TB, packs ...[]byte) []byte {
	t.Helper()
	b := pack.NewBuilder()
	for _, file := range packs {
		if err := b.Merge(open(t, file), all); err != nil {
			t.Fatal(err)
		}
	}
	return file(t, b)
}

// Merging is importing all of it, in whatever order and however often.
func TestMerge(t *testing.T) {
	kernels := realKernels(t, *moreKernels)
	maps.Copy(kernels, oddKernels(t))
	names := slices.Sorted(maps.Keys(kernels))
	rs := relocations(t, "")["kinds.bpf.o"]
	want := packed(t, kernels)
	_, _, wantTailored := tailored(t, open(t, want), rs, 1)
	var parts [3]map[string]*btf.File
	for i := range parts {
		parts[i] = map[string]*btf.File{}
	}
	for i, name := range names {
		parts[i%3][name] = kernels[name]
	}
	parts[0][names[1]] = kernels[names[1]] // in two of them
	a, b, c := packed(t, parts[0]), packed(t, parts[1]), packed(t, parts[2])
	small := func(full []byte) []byte {
		_, _, small := tailored(t, open(t, full), rs, 2)
		return small
	}
	for what, got := range map[string][2][]byte{
		"full":     {merge(t, merge(t, a, b), c), merge(t, c, merge(t, b, a, b))},
		"tailored": {merge(t, merge(t, small(a), small(b)), small(c)), merge(t, small(c), merge(t, small(b), small(a)))},
	} {
		want := map[string][]byte{"full": want, "tailored": wantTailored}[what]
		for i := range got {
			if !bytes.Equal(got[i], want) {
				t.Errorf("%s, order %d: %d bytes, expected %d", what, i, len(got[i]), len(want))
			}
		}
	}
	slices.Reverse(names)
	reverse := pack.NewBuilder()
	for _, name := range names {
		add(t, reverse, name, kernels[name])
	}
	if !bytes.Equal(file(t, reverse), want) {
		t.Error("the order of import matters")
	}
}

func TestWhatDoesNotGoTogether(t *testing.T) {
	const kernel = "int int 4\nstruct s 4 { a int @0 }"
	f, other := btftest.Parse(t, binary.LittleEndian, kernel), btftest.Parse(t, binary.LittleEndian, kernel+"\nstruct t 4 { a int @0 }")
	rs := oddRelocations(t)[0]
	full := packed(t, map[string]*btf.File{"k": f})
	_, _, small := tailored(t, open(t, full), rs, 1)
	for _, c := range []struct {
		name string
		with func(*pack.Builder) error
		want string
	}{
		{"the same again", func(b *pack.Builder) error { return b.Import("k", sum(t, f), f) }, ""},
		{"other types", func(b *pack.Builder) error { return b.Import("k", sum(t, f), other) }, "kernel k differs from another one of that name"},
		{"another file", func(b *pack.Builder) error { return b.Import("k", sum(t, other), f) }, "kernel k differs from another one of that name"},
		{"tailored", func(b *pack.Builder) error { return b.Merge(open(t, small), all) }, "full and tailored kernels do not go into one pack"},
	} {
		b := pack.NewBuilder()
		if err := b.Merge(open(t, full), all); err != nil {
			t.Fatal(err)
		}
		if err := c.with(b); fmt.Sprint(err) != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %v, expected %q", c.name, err, c.want)
		}
	}
}

// A file that is cut off, or of which a bit is wrong, is an error that says so.
func TestDamage(t *testing.T) {
	full := packed(t, oddKernels(t))
	_, _, small := tailored(t, open(t, full), oddRelocations(t)[0], 1)
	read := func(file []byte) error {
		p, err := pack.Read(file)
		if err != nil {
			return err
		}
		for k, err := range p.Kernels(true) {
			if err != nil {
				return err
			}
			if _, err := p.Store.Raw(&k.Kernel); err != nil {
				return err
			}
		}
		return nil
	}
	for what, file := range map[string][]byte{"full": full, "tailored": small} {
		if err := read(file); err != nil {
			t.Fatal(err)
		}
		for n := range file {
			if err := read(file[:n]); !errors.Is(err, packfile.ErrFormat) {
				t.Fatalf("%s, the first %d bytes of %d: %v", what, n, len(file), err)
			}
			for bit := range 8 {
				bad := bytes.Clone(file)
				bad[n] ^= 1 << bit
				if err := read(bad); !errors.Is(err, packfile.ErrFormat) {
					t.Fatalf("%s, bit %d of byte %d: %v", what, bit, n, err)
				}
			}
		}
		if err := read(append(bytes.Clone(file), 0)); !errors.Is(err, packfile.ErrFormat) {
			t.Errorf("%s, a byte too many: %v", what, err)
		}
	}
	newer := bytes.Clone(small)
	newer[len(packfile.Magic)]++
	if err := read(newer); err == nil || !strings.Contains(err.Error(), "of version 2 of the format, which is newer than 1; read it with a newer minbtf") {
		t.Errorf("a newer version: %v", err)
	}
	if _, err := btfpack.Open(full); !errors.Is(err, btfpack.ErrFormat) {
		t.Errorf("a full pack in an application: %v", err)
	}
}
