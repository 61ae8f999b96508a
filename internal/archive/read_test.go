package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/hostile"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

func sample(t testing.TB) []byte {
	return btftest.Compile(t, binary.LittleEndian, "int int 4 signed\nstruct s 4 { a int @0 }")
}

func gzOf(t testing.TB, data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

func zstOf(t testing.TB, data []byte) []byte {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(data, nil)
}

// A file is a member of a tar.
type file struct {
	tar.Header
	data []byte
}

func tarOf(t testing.TB, files ...file) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if f.Typeflag == 0 || f.Typeflag == tar.TypeReg {
			f.Size = int64(len(f.data))
		}
		if f.Mode == 0 && f.Typeflag != tar.TypeXGlobalHeader {
			f.Mode = 0o644
		}
		if err := w.WriteHeader(&f.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return b.Bytes()
}

func regular(name string, data []byte) file { return file{tar.Header{Name: name}, data} }

func elfOf(raw []byte) []byte {
	e := btftest.ELF{Order: binary.LittleEndian}
	e.Add(".text", elf.SHT_PROGBITS, elf.SHF_ALLOC, []byte{1, 2, 3, 4})
	e.Add(".BTF", elf.SHT_PROGBITS, 0, raw)
	return e.Bytes()
}

func TestEveryForm(t *testing.T) {
	raw := sample(t)
	big := btftest.Compile(t, binary.BigEndian, "int int 4 signed")
	in := func(name string) []byte { return tarOf(t, regular(name, raw)) }
	var same archive.Reader
	for _, c := range []struct {
		what, name string
		file, want []byte
	}{
		{"raw", "vmlinux", raw, raw},
		{"raw, big-endian", "k.btf", big, big},
		{"xz", "k.btf.xz", hostile.XZ(raw), raw},
		{"gzip", "k.btf.gz", gzOf(t, raw), raw},
		{"zstd", "k.btf.zst", zstOf(t, raw), raw},
		{"the name does not decide", "k.btf.gz", hostile.XZ(raw), raw},
		{"tar", "k.btf.tar", in("k.btf"), raw},
		{"tar.xz", "k.btf.tar.xz", hostile.XZ(in("k.btf")), raw},
		{"tar.xz in a folder", "a/b.c/k.btf.tar.xz", hostile.XZ(in("k.btf")), raw},
		{"tar.gz", "k.btf.tar.gz", gzOf(t, in("k.btf")), raw},
		{"tar.zst", "k.btf.tar.zst", zstOf(t, in("k.btf")), raw},
		{"tar with ./", "k.btf.tar.xz", hostile.XZ(in("./k.btf")), raw},
		{"tar with folders and a header for all", "k.btf.tar", tarOf(t,
			file{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}, nil},
			file{tar.Header{Typeflag: tar.TypeDir, Name: "./"}, nil}, regular("./k.btf", raw)), raw},
		{"tar of a vmlinux", "vmlinux.tar.xz", hostile.XZ(tarOf(t, regular("vmlinux", elfOf(raw)))), raw},
		{"ELF", "vmlinux", elfOf(raw), raw},
		{"ELF in xz", "vmlinux.xz", hostile.XZ(elfOf(raw)), raw},
		{"ELF in gzip", "vmlinux.gz", gzOf(t, elfOf(raw)), raw},
	} {
		got, err := archive.ReadBTF(c.name, c.file)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %d bytes, %v", c.what, len(got), err)
		}
		// A Reader reads it, too, whatever it has read, and so far.
		if got, err = same.ReadBTF(c.name, c.file); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s, by the same Reader: %d bytes, %v", c.what, len(got), err)
		}
		if half, err := same.ReadBTF("k.btf", hostile.XZ(big)[:40]); err == nil {
			t.Errorf("%d bytes of half a file", len(half))
		}
	}
}

func TestExampleKernels(t *testing.T) {
	for _, path := range testfiles.Kernels(t) {
		file := testfiles.Read(t, path)
		raw, err := archive.ReadBTF(path, file)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if f, err := btf.Parse(raw); err != nil || f.NumTypes() < 50_000 {
			t.Errorf("%s: %v", path, err)
		}
	}
	release := "6.1.0-47-cloud-amd64"
	refused(t, "5.10.0-30-amd64.btf.tar.xz", testfiles.Read(t, testfiles.Kernel(t, release)),
		`the tar has "6.1.0-47-cloud-amd64.btf" inside, expected "5.10.0-30-amd64.btf": renamed, or another kernel's? unpack it, or call it as what is inside`)
}

// refused checks that a file is refused, and with which message.
func refused(t testing.TB, name string, file []byte, want string) {
	t.Helper()
	raw, err := archive.ReadBTF(name, file)
	switch {
	case err == nil || raw != nil:
		t.Errorf("accepted, expected: %s", want)
	case !errors.Is(err, archive.ErrInput):
		t.Errorf("%v is no archive.ErrInput", err)
	case err.Error() != "no kernel BTF: "+want:
		t.Errorf("got: %v\nexpected: no kernel BTF: %s", err, want)
	}
}

func TestNotAKernel(t *testing.T) {
	raw := sample(t)
	distilled := btftest.ELF{Order: binary.LittleEndian}
	distilled.Add(".BTF", elf.SHT_PROGBITS, 0, raw)
	distilled.Add(".BTF.base", elf.SHT_PROGBITS, 0, raw)
	noBits := btftest.ELF{Order: binary.LittleEndian}
	noBits.Add(".BTF", elf.SHT_NOBITS, 0, raw)
	compressed := btftest.ELF{Order: binary.LittleEndian}
	compressed.Add(".BTF", elf.SHT_PROGBITS, elf.SHF_COMPRESSED, append(make([]byte, 24), raw...))
	without := btftest.ELF{Order: binary.LittleEndian}
	for _, c := range []struct {
		what string
		file []byte
		want string
	}{
		{"nothing", nil, "the file is empty"},
		{"one byte", []byte{0x9f}, "neither BTF, ELF, xz, gzip, zstd nor tar (begins with 9f)"},
		{"text", []byte("Hello, world"), "neither BTF, ELF, xz, gzip, zstd nor tar (begins with 48 65 6c 6c 6f 2c)"},
		{"bzip2", []byte("BZh91AY&SY"), "neither BTF, ELF, xz, gzip, zstd nor tar (begins with 42 5a 68 39 31 41)"},
		{"text in xz", hostile.XZ([]byte("Hello, world")), "neither BTF nor ELF inside (begins with 48 65 6c 6c 6f 2c)"},
		{"text in gzip", gzOf(t, []byte("Hi")), "neither BTF nor ELF inside (begins with 48 69)"},
		{"xz in xz", hostile.XZ(hostile.XZ(raw)), "neither BTF nor ELF inside (begins with fd 37 7a 58 5a 00)"},
		{"xz in tar", tarOf(t, regular("k.btf", hostile.XZ(raw))), "neither BTF nor ELF inside (begins with fd 37 7a 58 5a 00)"},
		{"nothing in xz", hostile.XZ(nil), "the xz is empty"},
		{"nothing in gzip", gzOf(t, nil), "the gzip is empty"},
		{"nothing in zstd", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0}, "the zstd is empty"},
		{"an xz's beginning", []byte("\xfd7zXZ\x00"), "damaged xz: xz: data is truncated or corrupt"},
		{"a gzip's beginning", []byte("\x1f\x8b"), "damaged gzip: unexpected EOF"},
		{"a zstd's beginning", []byte("\x28\xb5\x2f\xfd"), "damaged zstd: unexpected EOF"},

		{"another name", tarOf(t, regular("other.btf", raw)), `the tar has "other.btf" inside, expected "k.btf": renamed, or another kernel's? unpack it, or call it as what is inside`},
		{"a folder", tarOf(t, regular("sub/k.btf", raw)), `the tar has "sub/k.btf" inside, expected "k.btf": renamed, or another kernel's? unpack it, or call it as what is inside`},
		{"a way out", tarOf(t, regular("../k.btf", raw)), `the tar has "../k.btf" inside, expected "k.btf": renamed, or another kernel's? unpack it, or call it as what is inside`},
		{"two files", tarOf(t, regular("k.btf", raw), regular("l.btf", raw)), `the tar has more than one file ("l.btf")`},
		{"the file twice", tarOf(t, regular("k.btf", raw), regular("k.btf", raw)), `the tar has more than one file ("k.btf")`},
		{"a link", tarOf(t, file{tar.Header{Typeflag: tar.TypeSymlink, Name: "k.btf", Linkname: "/etc/passwd"}, nil}), `the tar has "k.btf", which is no regular file`},
		{"a hard link", tarOf(t, file{tar.Header{Typeflag: tar.TypeLink, Name: "k.btf", Linkname: "x"}, nil}), `the tar has "k.btf", which is no regular file`},
		{"a device", tarOf(t, file{tar.Header{Typeflag: tar.TypeChar, Name: "k.btf"}, nil}), `the tar has "k.btf", which is no regular file`},
		{"only a folder", tarOf(t, file{tar.Header{Typeflag: tar.TypeDir, Name: "k.btf/"}, nil}), "the tar is empty"},
		{"an empty file", tarOf(t, regular("k.btf", nil)), `the tar has "k.btf" with 0 bytes`},
		{"a file that claims to be huge", sparse(t), `the tar has "k.btf" with 1099511627776 bytes`},
		{"an empty tar", make([]byte, 1024), "neither BTF, ELF, xz, gzip, zstd nor tar (begins with 00 00 00 00 00 00)"},

		{"ELF without .BTF", without.Bytes(), "the ELF file has no section .BTF; build the kernel with CONFIG_DEBUG_INFO_BTF=y, or add BTF with pahole -J"},
		{"module on a distilled base", distilled.Bytes(), "the module's BTF is on top of a few types distilled for it (section .BTF.base), not of its vmlinux; take /sys/kernel/btf/MODULE of a machine that has it loaded, or build the module without pahole's distilled_base"},
		{"ELF with nothing in it", noBits.Bytes(), "the ELF file has no section .BTF; build the kernel with CONFIG_DEBUG_INFO_BTF=y, or add BTF with pahole -J"},
		{"ELF with .BTF compressed", compressed.Bytes(), "section .BTF is compressed"},
		{"an ELF's beginning", []byte("\x7fELF"), "damaged ELF file: EOF"},
	} {
		t.Run(c.what, func(t *testing.T) { refused(t, "k.btf.tar.xz", c.file, c.want) })
	}
	// A section that ends behind the file.
	file := elfOf(raw)
	e, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(file, binary.LittleEndian.AppendUint64(nil, e.Section(".BTF").Offset))
	binary.LittleEndian.PutUint64(file[at+8:], 1<<40)
	refused(t, "vmlinux", file, "section .BTF ends behind the file: truncated?")
	binary.LittleEndian.PutUint64(file[at:], 1<<40)
	refused(t, "vmlinux", file, "section .BTF ends behind the file: truncated?")
}

// sparse is a tar with a file of 1 TiB that is nearly all hole.
func sparse(t testing.TB) []byte {
	data := make([]byte, 512)
	copy(data, "1\n0\n4\n")
	b := tarOf(t, file{tar.Header{Name: "k.btf", PAXRecords: map[string]string{
		"GNX.sparse.major": "1", "GNX.sparse.minor": "0", "GNX.sparse.name": "k.btf", "GNX.sparse.realsize": "1099511627776",
	}}, append(data, "\x9f\xeb\x01\x00"...)})
	return bytes.ReplaceAll(b, []byte("GNX."), []byte("GNU."))
}

// Cut off anywhere a file is refused, or it was cut off behind its content.
func TestTruncated(t *testing.T) {
	raw := sample(t)
	tarred := tarOf(t, regular("k.btf", raw))
	for what, file := range map[string][]byte{
		"xz": hostile.XZ(raw), "gzip": gzOf(t, raw), "zstd": zstOf(t, raw), "tar": tarred,
		"tar.xz": hostile.XZ(tarred), "tar.gz": gzOf(t, tarred), "tar.zst": zstOf(t, tarred), "ELF": elfOf(raw), "ELF in xz": hostile.XZ(elfOf(raw)),
	} {
		if _, err := archive.ReadBTF("k.btf.tar", file); err != nil {
			t.Errorf("%s, whole: %v", what, err)
		}
		for n := range file {
			got, err := archive.ReadBTF("k.btf.tar", file[:n])
			switch {
			case err != nil && got == nil:
			case err == nil && bytes.Equal(got, raw) && what == "tar" && n >= 512+len(raw):
			default:
				t.Errorf("%s, %d of %d bytes: %d bytes come out, %v", what, n, len(file), len(got), err)
			}
		}
	}
	// Of a real one, a few hundred places.
	path := testfiles.Kernel(t, "5.10.0-32-cloud-arm64")
	file := testfiles.Read(t, path)
	for _, n := range []int{6, 11, 12, 13, 100, 5000, len(file) / 8, len(file) - 13, len(file) - 12, len(file) - 1} {
		if raw, err := archive.ReadBTF(path, file[:n]); err == nil || raw != nil || !strings.HasPrefix(err.Error(), "no kernel BTF: damaged xz: ") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// Any byte changed: refused, or found nowhere but where no checksum is.
func TestFlipped(t *testing.T) {
	raw := sample(t)
	for what, file := range map[string][]byte{"xz": hostile.XZ(raw), "gzip": gzOf(t, raw), "zstd": zstOf(t, raw)} {
		for i := range file {
			flipped := bytes.Clone(file)
			flipped[i] ^= 0x10
			got, err := archive.ReadBTF("k.btf", flipped)
			if (err == nil) != (got != nil) || err == nil && !bytes.Equal(got, raw) {
				t.Errorf("%s, byte %d: %d bytes, %v", what, i, len(got), err)
			}
		}
	}
}

// allocated is how many bytes f allocates in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBombs(t *testing.T) {
	const limit = 1 << 20
	zeros := make([]byte, 2*limit)
	for what, file := range map[string][]byte{
		"xz": testfiles.Read(t, "testdata/2MiB.zeros.xz"), "gzip": gzOf(t, zeros), "zstd": zstOf(t, zeros),
	} {
		if len(file) > 5000 {
			t.Fatalf("%s: %d bytes, no bomb", what, len(file))
		}
		var err error
		bytes := allocated(func() { _, err = archive.ReadLimited("k.btf", file, limit) })
		if err == nil || err.Error() != "unpacks to more than 1 MiB" {
			t.Errorf("%s: %v", what, err)
		}
		if bytes > 24*limit { // the decoders' own memory and ReadAll's
			t.Errorf("%s: %d bytes are allocated", what, bytes)
		}
	}
	// Of just the size that is allowed, and of one byte more.
	raw := append(sample(t), zeros[:limit]...)[:limit]
	for what, pack := range map[string]func([]byte) []byte{
		"raw": func(b []byte) []byte { return b }, "xz": hostile.XZ, "ELF": elfOf,
		"tar.xz": func(b []byte) []byte { return hostile.XZ(tarOf(t, regular("k.btf", b))) },
	} {
		if got, err := archive.ReadLimited("k.btf.tar.xz", pack(raw), limit); err != nil || len(got) != limit {
			t.Errorf("%s of %d bytes: %v", what, limit, err)
		}
		_, err := archive.ReadLimited("k.btf.tar.xz", pack(append(raw, 0)), limit)
		if err == nil || err.Error() != "1048577 bytes, more than 1 MiB" {
			t.Errorf("%s of a byte more: %v", what, err)
		}
	}
	if archive.MaxSize != 256<<20 {
		t.Errorf("the limit is %d", archive.MaxSize)
	}
}

// A header may claim that it takes gigabytes to unpack a small file.
func TestClaimsOfMemory(t *testing.T) {
	raw := sample(t)
	claim := func(size byte) []byte { // of the dictionary: 2^(size/2+12)
		f := hostile.XZ(raw)
		block := f[12:]
		block[4] = size
		binary.LittleEndian.PutUint32(block[8:], crc32.ChecksumIEEE(block[:8]))
		return f
	}
	const dictionary128MiB = 30
	if _, err := archive.ReadBTF("k.btf.xz", claim(28)); err != nil {
		t.Errorf("the dictionary of xz -9, 64 MiB: %v", err)
	}
	for size := byte(dictionary128MiB + 1); size <= 40; size++ {
		f := claim(size)
		if n := allocated(func() { refused(t, "k.btf.xz", f, "damaged xz: xz: LZMA2 dictionary size exceeds max") }); n > 1<<20 {
			t.Errorf("dictionary size %d: %d bytes are allocated", size, n)
		}
	}
	refused(t, "k.btf.xz", claim(41), "damaged xz: xz: compression options not supported")

	huge := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 19 << 3, 1, 0, 0} // a window of 2^29, and a last block with nothing in it
	if n := allocated(func() { refused(t, "k.btf.zst", huge, "damaged zstd: window size exceeded") }); n > 4<<20 {
		t.Errorf("zstd's window: %d bytes are allocated", n)
	}
}
