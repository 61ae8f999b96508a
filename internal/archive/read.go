// Package archive reads kernels' BTF as it comes: raw, inside a vmlinux,
// compressed, or in BTFHub's archive of one .btf.tar.xz per kernel.
//
// Input is hostile until proven otherwise: nothing decompresses to more than
// MaxSize, and decoders are kept from allocating for larger windows than
// kernels' archives use.
package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"

	"github.com/khulnasoft/rules_btf/internal/elffile"
)

// MaxSize is how many bytes of BTF a kernel may have. The largest known, from
// which nothing was deduplicated, has 27 MB.
const MaxSize = 256 << 20

// maxWindow bounds the decoders' memory: xz -9 uses 64 MiB, zstd --ultra 128 MiB.
const maxWindow = 128 << 20

// ErrInput is wrapped by every error about a file that holds no kernel's BTF.
var ErrInput = errors.New("no kernel BTF")

// ReadBTF returns the raw BTF in a file: raw BTF, an ELF file with a .BTF
// section (vmlinux, a kernel module), or either compressed with xz, gzip or
// zstd, with or without a tar around it. The content decides, not the name;
// but the one member of a tar must be named as the file is, as in BTFHub.
// The result may share the file's memory.
func ReadBTF(name string, file []byte) ([]byte, error) { return new(Reader).ReadBTF(name, file) }

// A Reader reads files one after the other, in the same memory.
type Reader struct {
	xz   *xz.Reader
	data []byte
}

// ReadBTF is as the function, but what it returned before is good no more.
func (d *Reader) ReadBTF(name string, file []byte) ([]byte, error) {
	raw, err := d.read(name, file, MaxSize)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	return raw, nil
}

func (d *Reader) read(name string, file []byte, limit int) ([]byte, error) {
	raw, err := d.unpack(name, file, limit)
	if err == nil && len(raw) > limit {
		return nil, fmt.Errorf("%d bytes, more than %d MiB", len(raw), limit>>20)
	}
	return raw, err
}

func (d *Reader) unpack(name string, file []byte, limit int) ([]byte, error) {
	if len(file) == 0 {
		return nil, errors.New("the file is empty")
	}
	data, err := d.decompress(file, limit)
	if err != nil {
		return nil, err
	}
	if isTar(data) {
		if data, err = fromTar(name, data); err != nil {
			return nil, err
		}
	}
	switch {
	case isBTF(data):
		return data, nil
	case bytes.HasPrefix(data, []byte(elf.ELFMAG)):
		return fromELF(data)
	case &data[0] == &file[0]:
		return nil, fmt.Errorf("neither BTF, ELF, xz, gzip, zstd nor tar (begins with % x)", data[:min(len(data), 6)])
	}
	return nil, fmt.Errorf("neither BTF nor ELF inside (begins with % x)", data[:min(len(data), 6)])
}

// decompress returns the file itself if it is not compressed.
func (d *Reader) decompress(file []byte, limit int) ([]byte, error) {
	var format string
	var r io.Reader
	var err error
	switch in := bytes.NewReader(file); {
	case bytes.HasPrefix(file, []byte("\xfd7zXZ\x00")):
		format = "xz"
		if d.xz == nil {
			d.xz, err = xz.NewReader(in, maxWindow)
		} else {
			err = d.xz.Reset(in)
		}
		r = d.xz
	case bytes.HasPrefix(file, []byte("\x1f\x8b")):
		format = "gzip"
		r, err = gzip.NewReader(in)
	case bytes.HasPrefix(file, []byte("\x28\xb5\x2f\xfd")):
		format = "zstd"
		var z *zstd.Decoder
		z, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err == nil {
			defer z.Close()
			r = z
		}
	default:
		return file, nil
	}
	if err == nil {
		err = d.fill(r, len(file), limit+tarExtra)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("damaged %s: %w", format, err)
	case len(d.data) >= limit+tarExtra:
		return nil, fmt.Errorf("unpacks to more than %d MiB", limit>>20)
	case len(d.data) == 0:
		return nil, fmt.Errorf("the %s is empty", format)
	}
	return d.data, nil
}

// fill reads what a file of a length unpacks to, but no more than limit bytes.
func (d *Reader) fill(r io.Reader, length, limit int) error {
	d.data = d.data[:0]
	for len(d.data) < limit {
		if len(d.data) == cap(d.data) {
			more := max(1<<10, len(d.data))
			if size := tarSize(d.data); size > 0 {
				more = max(more, int(min(size, int64(limit), maxRatio*int64(length)))+tarExtra)
			}
			larger := make([]byte, len(d.data), min(len(d.data)+more+more/4, limit)) // the next file may be a little larger
			copy(larger, d.data)
			d.data = larger
		}
		n, err := r.Read(d.data[len(d.data):cap(d.data)])
		d.data = d.data[:len(d.data)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	// tarExtra is more than a tar has besides the file in it.
	tarExtra = 16 << 10
	// maxRatio is how many times the size of a file it is expected to unpack to.
	maxRatio = 16
)

func isBTF(b []byte) bool {
	return len(b) >= 2 && (b[0] == 0x9f && b[1] == 0xeb || b[0] == 0xeb && b[1] == 0x9f)
}

func isTar(b []byte) bool { return len(b) >= 512 && string(b[257:262]) == "ustar" }

// tarSize returns the size of the first file in a tar, of which there is the header.
func tarSize(header []byte) int64 {
	if !isTar(header) {
		return 0
	}
	h, err := tar.NewReader(bytes.NewReader(header)).Next()
	if err != nil {
		return 0
	}
	return h.Size
}

func fromTar(name string, data []byte) ([]byte, error) {
	want := strings.TrimSuffix(stripExt(path.Base(name), compressed), ".tar")
	r := bytes.NewReader(data)
	t := tar.NewReader(r)
	var found []byte
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("damaged tar: %w", err)
		}
		switch h.Typeflag {
		case tar.TypeReg:
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		default:
			return nil, fmt.Errorf("the tar has %q, which is no regular file", h.Name)
		}
		if found != nil {
			return nil, fmt.Errorf("the tar has more than one file (%q)", h.Name)
		}
		if got := path.Clean(h.Name); got != want {
			return nil, fmt.Errorf("the tar has %q inside, expected %q: renamed, or another kernel's? unpack it, or call it as what is inside", h.Name, want)
		}
		if h.Size <= 0 || h.Size > int64(len(data)) { // a sparse file may claim any size
			return nil, fmt.Errorf("the tar has %q with %d bytes", h.Name, h.Size)
		}
		for key := range h.PAXRecords {
			if strings.HasPrefix(key, "GNU.sparse.") {
				return nil, fmt.Errorf("the tar has %q with holes; make it without --sparse", h.Name)
			}
		}
		if h.Size > int64(r.Len()) {
			return nil, fmt.Errorf("damaged tar: %w", io.ErrUnexpectedEOF)
		}
		found = data[len(data)-r.Len():][:h.Size:h.Size]
	}
	if found == nil {
		return nil, errors.New("the tar is empty")
	}
	return found, nil
}

func fromELF(file []byte) ([]byte, error) {
	e, err := elffile.Open(file)
	if err != nil {
		return nil, err
	}
	if e.Machine == elf.EM_BPF && e.Section(".BTF.ext") != nil {
		return nil, errors.New("this is a BPF object, which kernels are cut down for, and no kernel")
	}
	if s := e.Section(".BTF"); s == nil || s.Type == elf.SHT_NOBITS {
		return nil, errors.New("the ELF file has no section .BTF; build the kernel with CONFIG_DEBUG_INFO_BTF=y, or add BTF with pahole -J")
	}
	if e.Section(".BTF.base") != nil {
		return nil, errors.New("the module's BTF is on top of a few types distilled for it (section .BTF.base), not of its vmlinux; take /sys/kernel/btf/MODULE of a machine that has it loaded, or build the module without pahole's distilled_base")
	}
	return elffile.Section(e, file, ".BTF")
}

var compressed = []string{".xz", ".gz", ".zst"}

func stripExt(name string, exts []string) string {
	for _, e := range exts {
		if s, ok := strings.CutSuffix(name, e); ok {
			return s
		}
	}
	return name
}
