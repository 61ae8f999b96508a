package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/hostile"
	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/store"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

// uses are the command lines that read a bad file, by what it is given as. The
// others are good.
var uses = map[string][]struct{ name, args string }{
	"kernels": {
		{"gen", "gen BAD out o.bpf.o"},
		{"gen-vmlinux", "gen --module k.mod.btf BAD out o.bpf.o"},
		{"verify", "verify BAD m.btf o.bpf.o"},
		{"verify-min", "verify k.btf BAD o.bpf.o"},
		{"inspect", "inspect BAD"},
		{"pack", "pack -o out BAD"},
		{"tailor", "tailor -o o.bpf.o --archive BAD --out new.btfpack"},
		{"tailor-folder", "tailor -o o.bpf.o --archive BAD --out new"},
		{"ls", "ls k.btfpack BAD"},
	},
	"modules": {
		{"gen", "gen --module BAD k.btf out o.bpf.o"},
		{"verify", "verify --module BAD k.btf m.btf o.bpf.o"},
		{"pack", "pack -o out --module BAD k.btf"},
	},
	"objects": {
		{"gen", "gen k.btf out o.bpf.o BAD"},
		{"gen-findings", "gen --findings findings k.btf out BAD"},
		{"relocs", "relocs -o out o.bpf.o BAD"},
		{"verify", "verify k.btf m.btf BAD"},
		{"report", "report -o out --object BAD findings.json"},
		{"inspect", "inspect BAD"},
		{"tailor", "tailor -o o.bpf.o -o BAD --archive k.btfpack --out new.btfpack"},
		{"verify-packs", "verify k.btfpack t.btfpack BAD"},
	},
	"relocations": {
		{"gen", "gen k.btf out BAD"},
		{"relocs", "relocs -o out BAD o.bpf.o"},
		{"inspect", "inspect BAD"},
		{"tailor", "tailor -o BAD --archive k.btf --out new"},
	},
	"findings": {
		{"report", "report -o out --object o.bpf.o BAD"},
	},
	"packs": {
		{"pack", "pack -o out BAD"},
		{"tailor", "tailor -o o.bpf.o --archive BAD --out new.btfpack"},
		{"tailor-findings", "tailor -o o.bpf.o --archive BAD --out new --findings findings"},
		{"unpack", "unpack BAD --file k=out"},
		{"unpack-all", "unpack BAD --out new"},
		{"ls", "ls k.btfpack BAD"},
		{"inspect", "inspect BAD"},
		{"verify", "verify BAD m.btf o.bpf.o"},
		{"verify-min", "verify k.btfpack BAD o.bpf.o"},
	},
	"outputs": {
		{"gen", "gen k.btf BAD o.bpf.o"},
		{"gen-and-findings", "gen --findings findings k.btf BAD o.bpf.o"},
		{"findings", "gen --findings BAD k.btf out o.bpf.o"},
		{"relocs", "relocs -o BAD o.bpf.o"},
		{"report", "report -o BAD --object o.bpf.o findings.json"},
		{"pack", "pack -o BAD k.btf"},
		{"tailor-findings", "tailor -o o.bpf.o --archive k.btf --findings BAD"},
		{"unpack", "unpack k.btfpack --file k=BAD"},
	},
	"lists": {
		{"verify", "verify --pairs BAD o.bpf.o"},
		{"export", "export --tree BAD out"},
	},
}

// The cases have files as those of TestCommandLine have, and a table: recipes for
// bad files, and behind each the errors of the commands that are given it, in
// which FILE stands for its name. A recipe is a file and what is done to it, see bake.
//
// Each command must exit with 1, say so in one line that begins with the file,
// and leave nothing behind, or what was there before.
func TestBadInput(t *testing.T) {
	for _, c := range testfiles.Cases(t, "testdata/bad") {
		t.Run(c.Name, func(t *testing.T) {
			here, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			kitchen(t, c)
			var table strings.Builder
			for line := range strings.Lines(c.Part("table")) {
				switch {
				case strings.HasPrefix(line, "\t"):
					continue // what is expected
				case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
					table.WriteString(line)
					continue
				}
				recipe := strings.TrimSpace(line)
				fmt.Fprintln(&table, recipe)
				bad := bake(t, recipe)
				var order []string
				by := map[string][]string{} // commands by message
				for _, u := range uses[c.Name] {
					for _, before := range []string{"", "old"} {
						msg := fails(t, recipe, strings.ReplaceAll(u.args, "BAD", bad), bad, before)
						if by[msg] == nil {
							order = append(order, msg)
						}
						if !slices.Contains(by[msg], u.name) {
							by[msg] = append(by[msg], u.name)
						}
					}
				}
				for _, msg := range order {
					who := strings.Join(by[msg], " ") + ": "
					if len(order) == 1 {
						who = ""
					}
					fmt.Fprintf(&table, "\t%s%s\n", who, msg)
				}
			}
			t.Chdir(here)
			c.Expect(t, "table", table.String())
		})
	}
}

// Whatever bit of a pack is flipped, and wherever it is cut off: one line says so.
func TestDamagedPacks(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, map[string][]byte{
		"a/1.btf": btftest.Compile(t, binary.LittleEndian, "int int 4 signed\nstruct s 8 { a int @0; b int @32 }\nstruct other 4 { x int @0 }"),
		"a/2.btf": btftest.Compile(t, binary.LittleEndian, "int int 4 signed\nstruct s 8 { b int @32 }\nstruct s 4 { b int @0 }"),
		"o.bpf.o": btftest.Object(t, binary.LittleEndian, "int int 4 signed\nstruct s 4 { b int @0 }\nreloc kprobe/a type_matches struct s 0"),
	})
	for _, args := range []string{"pack -q -o full a", "tailor -q -o o.bpf.o --archive a --out t.btfpack"} {
		if err := run(context.Background(), strings.Fields(args), nil, nil, os.Stderr); err != nil {
			t.Fatal(err)
		}
	}
	// These look at all of it. What nobody asks for is not read: ls needs no copies of
	// types, tailor neither without type_matches.
	for pack, commands := range map[string][]string{
		"full":      {"pack -o out bad", "tailor -o o.bpf.o --archive bad --out new", "unpack bad --out new", "inspect bad"},
		"t.btfpack": {"pack -o out bad", "unpack bad --out new", "inspect bad"},
	} {
		whole := testfiles.Read(t, pack)
		try := func(what string, damaged []byte) {
			if err := os.WriteFile("bad", damaged, 0o644); err != nil {
				t.Fatal(err)
			}
			for _, args := range commands {
				fails(t, what+" of "+pack, args, "bad", "")
			}
		}
		for i := range whole {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << (i % 8)
			try(fmt.Sprintf("byte %d", i), flipped)
			try(fmt.Sprintf("%d bytes", i), whole[:i])
		}
	}
}

// That two packs have the same kernel is not believed when they are merged, nor where no sum says so.
func TestForgedSum(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, map[string][]byte{"o.bpf.o": btftest.Object(t, binary.LittleEndian, "int int 4")})
	for _, c := range []struct {
		sum       [32]byte
		args, msg string
	}{
		{[32]byte{1}, "pack -o out a.btfpack b.btfpack", "has another kernel k than b.btfpack; leave one out"},
		{[32]byte{}, "pack -o out a.btfpack b.btfpack", "has another kernel k than b.btfpack; leave one out"},
		{[32]byte{}, "tailor -o o.bpf.o --out out --archive a.btfpack --archive b.btfpack", "may have another kernel k than b.btfpack, as neither has its sum; leave one out"},
	} {
		for name, kernel := range map[string]string{"a.btfpack": "int int 4", "b.btfpack": "int int 4 signed"} {
			b := pack.NewBuilder()
			if err := b.Import("k", c.sum, btftest.Parse(t, binary.LittleEndian, kernel)); err != nil {
				t.Fatal(err)
			}
			file, err := b.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			put(t, map[string][]byte{name: file})
		}
		if msg := fails(t, "a forged sum", c.args, "a.btfpack", ""); msg != c.msg {
			t.Errorf("%s: %s", c.args, msg)
		}
	}
}

// A kernel of a pack that refers to what it does not have fails for itself.
func TestBadKernelInPack(t *testing.T) {
	types := store.New()
	leaf := btf.Type{Kind: store.Named, Word: uint32(btf.Struct), Name: types.String("leaf"), Index: 10}
	pointer := types.Intern(&btf.Type{Kind: btf.Ptr, Ref: types.Intern(&leaf)})
	list := []*packfile.Kernel{{Name: "k"}, {Name: "l"}}
	list[0].Roots = []uint32{types.Intern(&btf.Type{Kind: btf.Struct, Name: leaf.Name, Size: 8})}
	list[1].Roots = append(list[0].Roots, types.Intern(&btf.Type{Kind: btf.Typedef, Name: types.String("alias"), Ref: pointer}))
	bad, err := packfile.Write(types, list, packfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	put(t, map[string][]byte{"bad": bad})
	var stdout, stderr bytes.Buffer
	err = run(context.Background(), strings.Fields("unpack bad --out new"), nil, &stdout, &stderr)
	const want = "minbtf: failed: l: bad: invalid BTF: no struct leaf of number 10\nminbtf: note: new: 1 kernel, 45 bytes\n"
	if err == nil || exitCode(err) != 1 || err.Error() != "1 of 2 kernels failed" || stderr.String() != want {
		t.Errorf("%v, %s", err, stderr.String())
	}
	if got := files(t, "new"); !slices.Equal(got, []string{"new/k.btf"}) {
		t.Errorf("there is %v", got)
	}
}

// kitchen makes and enters a folder with the files of a case, and those made of
// them that commands expect.
func kitchen(t *testing.T, c *testfiles.Case) {
	t.Chdir(t.TempDir())
	for _, p := range c.Parts {
		if p.Name != "table" {
			put(t, map[string][]byte{p.Name: content(t, c, p)})
		}
	}
	if err := os.Mkdir("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", "loop"); err != nil { // what even root cannot read
		t.Fatal(err)
	}
	for _, args := range []string{
		"gen --findings findings.json k.btf m.btf o.bpf.o", "relocs -o o.json o.bpf.o",
		"pack -q -o k.btfpack k.btf", "tailor -q -o o.bpf.o --archive k.btf --out t.btfpack",
	} {
		var out bytes.Buffer
		if err := run(context.Background(), strings.Fields(args), nil, &out, &out); err != nil {
			t.Fatal(err)
		}
	}
}

// fails runs a command that must fail because of a file, with an output that
// is there before or is not, and returns the message.
func fails(t *testing.T, recipe, args, bad, before string) string {
	t.Helper()
	outputs := []string{"out", "findings"}
	for _, name := range outputs {
		os.RemoveAll(name)
		if before != "" {
			if err := os.WriteFile(name, []byte(before), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	was := list(t)
	var stdout, stderr bytes.Buffer
	err := run(context.Background(), strings.Fields(args), strings.NewReader(""), &stdout, &stderr)
	switch {
	case err == nil:
		if !strings.HasPrefix(args, "inspect") { // which reads whatever it is
			t.Errorf("%s: minbtf %s: succeeds: %s", recipe, args, stdout.String())
		}
		return "succeeds"
	case exitCode(err) != 1:
		t.Errorf("%s: minbtf %s: status %d: %v", recipe, args, exitCode(err), err)
	case stdout.Len() > 0 || stderr.Len() > 0:
		t.Errorf("%s: minbtf %s: says more than the error: %s%s", recipe, args, stdout.String(), stderr.String())
	case strings.Contains(err.Error(), "\n") || len(err.Error()) > 2000:
		t.Errorf("%s: minbtf %s: not a line: %v", recipe, args, err)
	}
	if is := list(t); !slices.Equal(is, was) {
		t.Errorf("%s: minbtf %s: leaves behind %v, there was %v", recipe, args, is, was)
	}
	for _, name := range outputs {
		if b, err := os.ReadFile(name); before != "" && string(b) != before {
			t.Errorf("%s: minbtf %s: %s is overwritten: %q, %v", recipe, args, name, b, err)
		}
	}
	begin := regexp.MustCompile("^((open|read|stat) )?" + regexp.QuoteMeta(bad) + ": ")
	msg := begin.ReplaceAllString(err.Error(), "")
	if msg == err.Error() {
		t.Errorf("%s: minbtf %s: does not begin with the file: %v", recipe, args, err)
	}
	return strings.ReplaceAll(msg, bad, "FILE")
}

func list(t *testing.T) []string {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// bake makes a file, bad.btf or bad.bpf.o, by a recipe:
//
//	k.btf | put 4 ffffffff | tar x.btf | xz
//
// It returns the file's name, which is the first word if nothing is done.
func bake(t *testing.T, recipe string) string {
	t.Helper()
	steps := strings.Split(recipe, " | ")
	from := strings.Fields(steps[0])
	if len(from) == 1 && len(steps) == 1 {
		return from[0]
	}
	name := "bad.btf"
	var b []byte
	var err error
	if from[0] == "text" {
		b = []byte(strings.TrimPrefix(steps[0], "text "))
	} else {
		b = testfiles.Read(t, from[0])
	}
	for _, step := range steps[1:] {
		words := strings.Fields(step)
		number := func(i int) int {
			n, err := strconv.Atoi(words[i])
			if err != nil {
				t.Fatalf("%s: %v", recipe, err)
			}
			return n
		}
		put := func(at int, digits string) {
			bytes, err := hex.DecodeString(digits)
			if err != nil || at+len(bytes) > len(b) {
				t.Fatalf("%s: %d bytes at %d of %d (%v)", recipe, len(bytes), at, len(b), err)
			}
			copy(b[at:], bytes)
		}
		switch words[0] {
		case "cut": // all but the first, or the last bytes
			n := number(1)
			if n < 0 {
				n += len(b)
			}
			b = b[:n]
		case "put": // bytes at an offset, or so far before the end
			at := number(1)
			if at < 0 {
				at += len(b)
			}
			put(at, words[2])
		case "in": // a section, bytes at an offset
			f, err := elf.NewFile(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			put(int(f.Section(words[1]).Offset)+number(2), words[3])
		case "core": // the CO-RE relocations in .BTF.ext, bytes at an offset
			f, err := elf.NewFile(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			at := int(f.Section(".BTF.ext").Offset)
			at += int(f.ByteOrder.Uint32(b[at+4:]) + f.ByteOrder.Uint32(b[at+24:]))
			put(at+number(1), words[2])
		case "header": // of a section, bytes at an offset
			f, err := elf.NewFile(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(f.Sections, func(s *elf.Section) bool { return s.Name == words[1] })
			put(int(f.ByteOrder.Uint64(b[40:]))+64*i+number(2), words[3])
		case "more": // bytes at the end
			more, err := hex.DecodeString(words[1])
			if err != nil {
				t.Fatal(err)
			}
			b = append(b, more...)
		case "replace": // a text
			old, new := strings.ReplaceAll(words[1], "~", " "), ""
			if len(words) > 2 {
				new = strings.ReplaceAll(words[2], "~", " ")
			}
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%s: there is no %q in %s", recipe, old, b)
			}
			b = bytes.Replace(b, []byte(old), []byte(new), 1)
		case "repeat": // the whole
			b = bytes.Repeat(b, number(1))
		case "gz":
			var out bytes.Buffer
			w := gzip.NewWriter(&out)
			w.Write(b)
			w.Close()
			b = out.Bytes()
		case "xz":
			b = hostile.XZ(b)
		case "zst":
			w, err := zstd.NewWriter(nil)
			if err != nil {
				t.Fatal(err)
			}
			b = w.EncodeAll(b, nil)
		case "tar": // in a tar, by these names
			var out bytes.Buffer
			w := tar.NewWriter(&out)
			for _, name := range words[1:] {
				h := &tar.Header{Name: name, Size: int64(len(b)), Mode: 0o644}
				if strings.HasSuffix(name, "/") {
					h.Typeflag, h.Size = tar.TypeDir, 0
				}
				w.WriteHeader(h)
				w.Write(b[:h.Size])
			}
			w.Close()
			b = out.Bytes()
		case "elf": // as a section of an ELF file for BPF, of this name
			e := btftest.ELF{Order: binary.LittleEndian}
			e.Add(words[1], elf.SHT_PROGBITS, 0, b)
			b = e.Bytes()
		case "named": // the file is called so
			name = words[1]
		default:
			t.Fatalf("%s: unknown step %q", recipe, step)
		}
	}
	if err = os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
