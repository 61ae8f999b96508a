// Package realload loads programs into the kernel that runs: what it makes of
// them must be the same whether their loader had the kernel's full BTF or the
// minimal one. It needs the bpf(2) permission, attaches nothing, pins nothing
// and closes all. Where it may not, it is skipped, unless RULES_BTF_REQUIRE has
// the word bpf.
package realload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	cilium "github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/rlimit"

	"github.com/khulnasoft/rules_btf/internal/btf"
	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/needs"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

var objects = flag.String("objects", "", "pattern of further BPF objects to load")

// A loader loads each program of an object alone, relocated by a kernel's BTF.
type loader func(t *testing.T, object string, kernel []byte) map[string]program

// A program is what the kernel made of one; the zero program does not load.
type program struct {
	loaded       bool
	tag          string
	jited        uint32 // bytes
	instructions string // translated
}

func TestCilium(t *testing.T) { testLoader(t, loadWithCilium) }

func TestLibbpf(t *testing.T) {
	path := libbpfLoader(t)
	testLoader(t, func(t *testing.T, object string, kernel []byte) map[string]program {
		return loadWithLibbpf(t, path, object, kernel)
	})
}

func testLoader(t *testing.T, load loader) {
	requirePermission(t)
	full := runningKernel(t)
	object := testfiles.TraceeObject(t)
	min := minimal(t, object, full)
	programs := compare(t, load, object, full, min)
	if len(programs) == 0 {
		t.Error("no program loads, so nothing was compared")
	}
	// What compares must see one field that is elsewhere.
	seen := 0
	for name, p := range load(t, object, wrong(t, min)) {
		if p.loaded && programs[name].loaded && p != programs[name] {
			seen++
		}
	}
	if seen == 0 {
		t.Errorf("a BTF with %s.%s at another offset gives the same instructions", movedType, movedMember)
	}
	further, err := filepath.Glob(*objects)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range further {
		t.Run(filepath.Base(object), func(t *testing.T) { compare(t, load, object, full, minimal(t, object, full)) })
	}
}

// compare returns the programs that load.
func compare(t *testing.T, load loader, object string, full, min []byte) map[string]program {
	want, got := load(t, object, full), load(t, object, min)
	loaded := map[string]program{}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w, g := want[name], got[name]
		switch {
		case w.loaded != g.loaded:
			t.Errorf("program %s: loads with the full BTF: %t, with the minimal one: %t", name, w.loaded, g.loaded)
		case w != g:
			t.Errorf("program %s: with the full BTF tag %s, %d bytes of machine code, instructions\n%s\nwith the minimal one tag %s, %d bytes, instructions\n%s",
				name, w.tag, w.jited, w.instructions, g.tag, g.jited, g.instructions)
		case w.loaded:
			loaded[name] = w
		}
	}
	t.Logf("%s: %d programs, of which %d load", filepath.Base(object), len(want), len(loaded))
	return loaded
}

// minimal returns an object's minimal BTF.
func minimal(t *testing.T, object string, full []byte) []byte {
	min, err := core.Prune(graph.Raw{File: btftest.File(t, full)}, btftest.Relocations(t, testfiles.Read(t, object)))
	if err != nil {
		t.Fatal(err)
	}
	return min
}

// The field that a wrong BTF has elsewhere.
const movedType, movedMember = "task_struct", "tgid"

func wrong(t *testing.T, min []byte) []byte {
	s := btftest.From(btftest.File(t, min))
	for _, typ := range s.Types {
		for i := range typ.Members {
			if typ.Kind == btf.Struct && s.Names[typ.Name] == movedType && s.Names[typ.Members[i].Name] == movedMember {
				typ.Members[i].Offset += 64
			}
		}
	}
	raw, err := s.Kernel(binary.LittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func loadWithCilium(t *testing.T, object string, kernel []byte) map[string]program {
	types, err := cilium.LoadSpecFromReader(bytes.NewReader(kernel))
	if err != nil {
		t.Fatal(err)
	}
	all, err := ebpf.LoadCollectionSpec(object)
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]program{}
	for name := range all.Programs {
		spec := all.Copy()
		spec.Programs = map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}
		programs[name] = func() program {
			c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: types, LogDisabled: true}})
			if err != nil {
				t.Logf("%s: %v", name, err)
				return program{}
			}
			defer c.Close()
			info, err := c.Programs[name].Info()
			if err != nil {
				t.Fatal(err)
			}
			instructions, err := info.Instructions()
			if err != nil {
				t.Fatal(err)
			}
			p := program{loaded: true, tag: info.Tag, instructions: text(instructions)}
			p.jited, _ = info.JitedSize() // 0 where there is no JIT
			return p
		}()
	}
	return programs
}

// text is instructions without the ids of maps, which each load has of its own.
func text(instructions asm.Instructions) string {
	var b strings.Builder
	for _, i := range instructions {
		if i.IsLoadFromMap() {
			i.Constant &^= 1<<32 - 1
		}
		fmt.Fprintf(&b, "%v %v %v %d %#x\n", i.OpCode, i.Dst, i.Src, i.Offset, i.Constant)
	}
	return b.String()
}

func loadWithLibbpf(t *testing.T, loader, object string, kernel []byte) map[string]program {
	path := filepath.Join(t.TempDir(), "kernel.btf")
	if err := os.WriteFile(path, kernel, 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(loader, path, object)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	programs := map[string]program{}
	for line := range strings.Lines(string(out)) {
		var p program
		var name string
		if _, err := fmt.Sscan(line, &name, &p.tag, &p.jited, &p.instructions); err == nil {
			p.loaded = true
		} else if p = (program{}); !strings.Contains(line, " error ") {
			t.Fatalf("%q", line)
		} else {
			t.Logf("%s", line)
		}
		programs[name] = p
	}
	return programs
}

// libbpfLoader builds testdata/load.c.
func libbpfLoader(t *testing.T) string {
	needs.Skip(t, "libbpf")
	library, err := exec.Command("gcc", "-print-file-name=libbpf.a").Output()
	if err != nil || !filepath.IsAbs(string(library)) {
		needs.Missing(t, "libbpf", "no gcc, or no libbpf.a; on Debian: apt-get install gcc libbpf-dev")
	}
	path := filepath.Join(t.TempDir(), "load")
	cmd := exec.Command("gcc", "-O2", "-Wall", "-Wextra", "-o", path, "testdata/load.c", strings.TrimSpace(string(library)), "-lelf", "-lz")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return path
}

// requirePermission loads the least of all programs.
func requirePermission(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the example's object is little-endian, this machine is not")
	}
	// An error shows below, if it matters: kernels from 5.11 on need no limit raised.
	_ = rlimit.RemoveMemlock()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.RawTracepoint, // unlike a socket filter, never for everybody
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		License:      "GPL",
	})
	switch {
	case errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, ebpf.ErrNotSupported):
		needs.Missing(t, "bpf", fmt.Sprintf("bpf(2) is not permitted here: %v", err))
	case err != nil:
		t.Fatal(err)
	}
	defer p.Close()
	info, err := p.Info()
	if err == nil {
		_, err = info.Instructions()
	}
	if err != nil {
		needs.Missing(t, "bpf", fmt.Sprintf("the kernel does not show instructions: %v", err))
	}
	if harden, _ := os.ReadFile("/proc/sys/net/core/bpf_jit_harden"); bytes.HasPrefix(harden, []byte("2")) {
		needs.Missing(t, "bpf", "the kernel blinds constants (net.core.bpf_jit_harden is 2)")
	}
}

// runningKernel is the BTF of the kernel that runs; where it has none, that of
// another one, which the programs load with as well.
func runningKernel(t *testing.T) []byte {
	raw, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if errors.Is(err, fs.ErrNotExist) {
		path := testfiles.Kernels(t)[0]
		t.Logf("the running kernel has no BTF; taking %s", filepath.Base(path))
		return testfiles.BTF(t, path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
