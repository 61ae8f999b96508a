package btfpack_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/khulnasoft/rules_btf/btfpack"
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/pack"
	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/store"
)

func Example() {
	file, err := os.ReadFile("tracee.btfpack") // or go:embed
	if err != nil {
		log.Fatal(err)
	}
	btfs, err := btfpack.Open(file)
	if err != nil {
		log.Fatal(err)
	}
	raw, err := btfs.BTF("debian/12/x86_64/6.1.0-47-amd64")
	if errors.Is(err, btfpack.ErrNoKernel) {
		log.Fatalf("only for %d other kernels", len(btfs.Kernels()))
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(raw), "bytes for the loader")
}

const object = `
	int int 4 signed
	struct task 8 { pid int @0; tgid int @32 }
	reloc kprobe/a field_byte_offset struct task 0:1`

// kernels are kernels by name, of two byte orders and with different offsets.
func kernels(t testing.TB) map[string]*btf.File {
	all := map[string]*btf.File{}
	for i := range 20 {
		order := map[bool]binary.ByteOrder{false: binary.LittleEndian, true: binary.BigEndian}[i%5 == 4]
		all[fmt.Sprintf("d/1/a/%02d", i)] = btftest.Parse(t, order, fmt.Sprintf(`
			int long 8 signed
			int int 4 signed
			struct task %d { pid int @0; comm int @32; tgid int @%d; next *struct task @64 }
			struct other 4 { a int @0 }`, 64+8*i, 128+32*i))
	}
	return all
}

// packs returns the full and the tailored pack of kernels, and what is left of each.
func packs(t testing.TB, kernels map[string]*btf.File) (full, tailored []byte, want map[string][]byte) {
	t.Helper()
	all, cut := pack.NewBuilder(), pack.NewBuilder()
	want = map[string][]byte{}
	for name, f := range kernels {
		if err := all.Import(name, [32]byte{1}, f); err != nil {
			t.Fatal(err)
		}
		o, err := core.ReadObject(btftest.Object(t, f.Order(), object))
		if err != nil {
			t.Fatal(err)
		}
		rs, err := o.Relocations()
		if err != nil {
			t.Fatal(err)
		}
		s := store.New()
		k, err := core.NewPruner(rs, s).Prune(graph.Raw{File: f})
		if err != nil {
			t.Fatal(err)
		}
		if err := cut.Tailored(s)(name, k); err != nil {
			t.Fatal(err)
		}
		if want[name], err = s.Raw(k); err != nil {
			t.Fatal(err)
		}
	}
	bytesOf := func(b *pack.Builder) []byte {
		file, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	return bytesOf(all), bytesOf(cut), want
}

func TestBTF(t *testing.T) {
	all := kernels(t)
	_, file, want := packs(t, all)
	for name, open := range map[string]func() (*btfpack.Pack, error){
		"Open":         func() (*btfpack.Pack, error) { return btfpack.Open(file) },
		"OpenReaderAt": func() (*btfpack.Pack, error) { return btfpack.OpenReaderAt(bytes.NewReader(file), int64(len(file))) },
	} {
		t.Run(name, func(t *testing.T) {
			p, err := open()
			if err != nil {
				t.Fatal(err)
			}
			list := p.Kernels()
			if len(list) != len(want) || !slices.IsSortedFunc(list, func(a, b btfpack.Kernel) int { return strings.Compare(a.Name, b.Name) }) {
				t.Errorf("kernels %v", list)
			}
			var all sync.WaitGroup
			for range 3 {
				for _, k := range list {
					all.Go(func() {
						raw, err := p.BTF(k.Name)
						if err != nil || !bytes.Equal(raw, want[k.Name]) {
							t.Errorf("%s: %d bytes, expected %d (%v)", k.Name, len(raw), len(want[k.Name]), err)
						}
					})
				}
			}
			all.Wait()
			var each []btfpack.Kernel
			if err := p.Each(func(k btfpack.Kernel, raw []byte) error {
				if each = append(each, k); !bytes.Equal(raw, want[k.Name]) {
					t.Errorf("%s: %d bytes, expected %d", k.Name, len(raw), len(want[k.Name]))
				}
				return nil
			}); err != nil || !slices.Equal(each, list) {
				t.Errorf("kernels %v, %v", each, err)
			}
			enough := errors.New("enough")
			if err := p.Each(func(k btfpack.Kernel, _ []byte) error {
				if k != list[0] {
					t.Errorf("%s, too", k.Name)
				}
				return enough
			}); err != enough {
				t.Error(err)
			}
			for _, k := range list {
				if f, err := btf.Parse(want[k.Name]); err != nil || f.BigEndian() != k.BigEndian {
					t.Errorf("%s: big-endian %v (%v)", k.Name, k.BigEndian, err)
				}
			}
			for _, name := range []string{"", "d/1/a", "d/1/a/000", "z"} {
				if raw, err := p.BTF(name); !errors.Is(err, btfpack.ErrNoKernel) || raw != nil {
					t.Errorf("%q: %d bytes, %v", name, len(raw), err)
				}
			}
		})
	}
}

// readAll is what an application may do with a pack.
func readAll(file []byte) error {
	p, err := btfpack.Open(file)
	if err != nil {
		return err
	}
	all := p.Each(func(btfpack.Kernel, []byte) error { return nil })
	for _, k := range p.Kernels() {
		if _, err := p.BTF(k.Name); err != nil {
			if all == nil || all.Error() != err.Error() {
				return fmt.Errorf("%w, but of all: %v", err, all)
			}
			return err
		}
	}
	return all
}

// dangling returns a pack with a kernel that points to a struct which it does not have.
func dangling(t *testing.T) []byte {
	s := store.New()
	pointer := s.Intern(&btf.Type{Kind: btf.Ptr, Ref: s.Intern(&btf.Type{Kind: store.Named, Word: uint32(btf.Struct), Name: s.String("none")})})
	k := &packfile.Kernel{Name: "k"}
	k.Roots = []uint32{s.Intern(&btf.Type{Kind: btf.Struct, Name: s.String("s"), Size: 8, Members: []btf.Member{{Name: s.String("p"), Type: pointer}}})}
	file, err := packfile.Write(s, []*packfile.Kernel{k}, packfile.Options{Tailored: true, Codec: packfile.Squeezed})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestNotUsable(t *testing.T) {
	full, file, _ := packs(t, kernels(t))
	if err := readAll(file); err != nil {
		t.Fatal(err)
	}
	newer := bytes.Clone(file)
	newer[8]++
	damaged := bytes.Clone(file)
	damaged[len(file)-9] ^= 1
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "it does not begin as packs do"},
		{"something else", []byte("\x7fELF and so on"), "it does not begin as packs do"},
		{"cut off", file[:len(file)-1], "damaged: it is cut off"},
		{"damaged", damaged, "damaged: a checksum is wrong"},
		{"newer", newer, "of version 2 of the format, which is newer than 1"},
		{"full", full, "a full pack, which minbtf alone reads; minbtf tailor cuts it down for an application's objects"},
		{"a kernel of nothing", dangling(t), "damaged: kernel k: invalid BTF: no struct none of number 1"},
	} {
		if err := readAll(c.file); !errors.Is(err, btfpack.ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q", c.name, err, c.want)
		}
	}
	for _, size := range []int64{int64(len(file)) - 1, 0, -1, math.MinInt64} {
		if _, err := btfpack.OpenReaderAt(bytes.NewReader(file), size); !errors.Is(err, btfpack.ErrFormat) {
			t.Errorf("%d bytes of a file: %v", size, err)
		}
	}
}
