package core_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	cilium "github.com/cilium/ebpf/btf"

	"github.com/khulnasoft/rules_btf/internal/btftest"
	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/objgen"
	"github.com/khulnasoft/rules_btf/internal/testfiles"
)

func uses(t testing.TB, object []byte) []core.Use {
	t.Helper()
	o, err := core.ReadObject(object)
	if err != nil {
		t.Fatal(err)
	}
	return o.Uses()
}

// shown is one line for each use.
func shown(uses []core.Use) string {
	var b strings.Builder
	for _, u := range uses {
		fmt.Fprintf(&b, "%-10s %-14s %-24s %s", u.Kind, u.Program, u.Section, u.What())
		if u.Optional {
			b.WriteString(" (optional)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestUses(t *testing.T) {
	const want = `
type_id    ids            kprobe/ids               typedef atomic_t
type_id    ids            kprobe/ids               struct task_struct
type_id    optional_id    ?kprobe/ids              enum pid_type (optional)
type_id    subprogram     .text                    struct task_struct
cast       cast           kprobe/cast              struct task_struct
fentry     fentry         fentry/open              open
fentry     fentry_twice   fentry/open              open
fentry     fexit          ?fexit.s/open            open (optional)
fentry     fmod_ret       fmod_ret/open            open
fentry     session        fsession                 
tp_btf     tp_btf         tp_btf/sched_switch      sched_switch
lsm        lsm            lsm/file_open            file_open
lsm        lsm_cgroup     ?lsm_cgroup/socket_bind  socket_bind (optional)
lsm        lsm_sleepable  lsm.s/file_open          file_open
iter       iter           iter/task                task
iter       iter_sleepable iter.s/bpf_map_elem      bpf_map_elem
struct_ops ops            .struct_ops.link         struct tcp_congestion_ops
struct_ops ops_init       struct_ops/init          init
struct_ops ops_sleepable  struct_ops.s             
struct_ops optional_ops   ?.struct_ops.link        struct tcp_congestion_ops (optional)
kfunc      calls_kfunc    .text                    bpf_task_acquire
kfunc      cast           kprobe/cast              bpf_rdonly_cast
kfunc      kfunc          kprobe/kfunc             bpf_may_be_there (optional)
kptr                                               struct task_struct
kptr       global                                  struct task_struct
kptr       value                                   fwd file
kptr       value                                   struct task_struct
helper     lookups        tc                       bpf_btf_find_by_name_kind
helper     lookups        tc                       bpf_seq_printf_btf
helper     lookups        tc                       bpf_snprintf_btf
helper     sockets        tc                       bpf_skc_to_mptcp_sock
helper     sockets        tc                       bpf_skc_to_tcp6_sock
helper     sockets        tc                       bpf_skc_to_tcp_request_sock
helper     sockets        tc                       bpf_skc_to_tcp_sock
helper     sockets        tc                       bpf_skc_to_tcp_timewait_sock
helper     sockets        tc                       bpf_skc_to_udp6_sock
helper     sockets        tc                       bpf_skc_to_unix_sock
helper     tasks          ?kprobe/helper           bpf_get_current_task_btf (optional)
helper     tasks          ?kprobe/helper           bpf_sock_from_file (optional)
helper     tasks          ?kprobe/helper           bpf_task_pt_regs (optional)
`
	for _, name := range []string{"uses.bpf.o", "uses.eb.bpf.o"} {
		if got := "\n" + shown(uses(t, testdata(t, name))); got != want {
			t.Errorf("%s: %s", name, testfiles.Diff(got, want))
		}
	}
	const libbpf = `
struct_ops unlinked_ops   .struct_ops              struct tcp_congestion_ops
ksym       variables      kprobe/ksym              typed
ksym       variables      kprobe/ksym              typed_and_weak (optional)
`
	more := slices.DeleteFunc(uses(t, testdata(t, "uses.libbpf.bpf.o")), func(u core.Use) bool {
		return slices.Contains(uses(t, testdata(t, "uses.bpf.o")), u)
	})
	if got := "\n" + shown(more); got != libbpf {
		t.Errorf("with what libbpf alone knows: %s", testfiles.Diff(got, libbpf))
	}
	const example = "helper     on_syscall     ?raw_tp/sys_enter        bpf_get_current_task_btf (optional)\n"
	if got := shown(uses(t, testfiles.Read(t, testfiles.TraceeObject(t)))); got != example {
		t.Errorf("the example's: %s", testfiles.Diff(got, example))
	}
}

// Where an object is replaced by its relocations, type ids remain.
func TestUsesOfRelocations(t *testing.T) {
	const want = `
type_id                                            typedef atomic_t
type_id                                            enum pid_type
type_id                                            struct task_struct
`
	if got := "\n" + shown(btftest.Relocations(t, testdata(t, "uses.bpf.o")).Uses()); got != want {
		t.Error(testfiles.Diff(got, want))
	}
	const none = `
		struct s 4 { }
		type struct 4 { }
		reloc kprobe/a type_exists struct s 0
		reloc kprobe/a type_id_local struct s 0
		reloc kprobe/a type_id_target #2 0
	`
	object := btftest.Object(t, binary.LittleEndian, none)
	if got := append(btftest.Relocations(t, object).Uses(), uses(t, object)...); len(got) > 0 {
		t.Errorf("of relocations that are no type ids: %s", shown(got))
	}
}

// cilium/ebpf has its own idea of what programs are and do. It knows no
// pointers in maps, no typed variables of the kernel, and no casts.
func TestUsesJudged(t *testing.T) {
	for name, file := range map[string][]byte{
		"uses.bpf.o":         testdata(t, "uses.bpf.o"),
		"uses.eb.bpf.o":      testdata(t, "uses.eb.bpf.o"),
		"kinds.bpf.o":        testdata(t, "kinds.bpf.o"),
		"kinds.edited.bpf.o": testdata(t, "kinds.edited.bpf.o"),
		"kinds.eb.bpf.o":     testdata(t, "kinds.eb.bpf.o"),
		"tracee.bpf.o":       testfiles.Read(t, testfiles.TraceeObject(t)),
	} {
		spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range uses(t, file) {
			switch u.Kind {
			case core.UseKernelPointer:
				continue
			case core.UseCast:
				u.Kind = core.UseTypeID
			case core.UseStructOps:
				u.Name = ""
				if strings.HasPrefix(u.Section, "?.") {
					continue
				}
			}
			got = append(got, fmt.Sprintf("%s %s %s", u.Kind, u.Program, u.Name))
		}
		slices.Sort(got)
		if want := usesByCilium(spec); !slices.Equal(got, want) {
			t.Errorf("%s: %s", name, testfiles.Diff(strings.Join(got, "\n"), strings.Join(want, "\n")))
		}
	}
}

func usesByCilium(spec *ebpf.CollectionSpec) []string {
	var uses []string
	add := func(kind core.UseKind, program, name string) {
		uses = append(uses, fmt.Sprintf("%s %s %s", kind, program, name))
	}
	for _, m := range spec.Maps {
		if m.Type == ebpf.StructOpsMap {
			add(core.UseStructOps, m.Name, "")
		}
	}
	quoted := regexp.MustCompile(`"([^"]*)"`)
	for _, p := range spec.Programs {
		switch {
		case p.Type == ebpf.Tracing && p.AttachType == ebpf.AttachTraceRawTp:
			add(core.UseTracepoint, p.Name, p.AttachTo)
		case p.Type == ebpf.Tracing && p.AttachType == ebpf.AttachTraceIter:
			add(core.UseIterator, p.Name, p.AttachTo)
		case p.Type == ebpf.Tracing:
			add(core.UseTracing, p.Name, p.AttachTo)
		case p.Type == ebpf.LSM:
			add(core.UseLSM, p.Name, p.AttachTo)
		case p.Type == ebpf.StructOps:
			add(core.UseStructOps, p.Name, "")
		}
		function := ""
		for i := range p.Instructions { // subprograms follow the program
			ins := &p.Instructions[i]
			if s := ins.Symbol(); s != "" {
				function = s
			}
			if r := cilium.CORERelocationMetadata(ins); r != nil && strings.Contains(r.String(), "(target_type_id, ") {
				add(core.UseTypeID, function, quoted.FindStringSubmatch(r.String())[1])
			}
			if ins.IsBuiltinCall() {
				if name := snake(asm.BuiltinFunc(ins.Constant)); slices.Contains(btfHelpers, name) {
					add(core.UseHelper, function, name)
				}
			}
			if ins.IsKfuncCall() {
				add(core.UseKfunc, function, ins.Reference())
			}
		}
	}
	slices.Sort(uses)
	return slices.Compact(uses)
}

var btfHelpers = []string{
	"bpf_skc_to_tcp6_sock", "bpf_skc_to_tcp_sock", "bpf_skc_to_tcp_timewait_sock", "bpf_skc_to_tcp_request_sock",
	"bpf_skc_to_udp6_sock", "bpf_skc_to_unix_sock", "bpf_skc_to_mptcp_sock",
	"bpf_get_current_task_btf", "bpf_task_pt_regs", "bpf_sock_from_file",
	"bpf_snprintf_btf", "bpf_seq_printf_btf", "bpf_btf_find_by_name_kind",
}

// snake makes bpf_task_pt_regs of FnTaskPtRegs.
func snake(f asm.BuiltinFunc) string {
	s := regexp.MustCompile(`[A-Z]`).ReplaceAllStringFunc(strings.TrimPrefix(f.String(), "Fn"), func(c string) string {
		return "_" + strings.ToLower(c)
	})
	return "bpf" + s
}

// Each kind has a name of its own and says what it means.
func TestUseKinds(t *testing.T) {
	names := map[string]bool{}
	for k := core.UseTypeID; k <= core.UseHelper; k++ {
		name, _ := k.MarshalText()
		if names[string(name)] || len(name) == 0 || !strings.Contains(k.Meaning(), ": ") || strings.Contains(k.Meaning(), "\n") {
			t.Errorf("%d: %s, %q", k, name, k.Meaning())
		}
		names[string(name)] = true
	}
}

// A symbol table that is damaged hides programs, but no type id.
func TestUsesWithoutSymbols(t *testing.T) {
	file := bytes.Clone(testdata(t, "uses.bpf.o"))
	headers := binary.LittleEndian.Uint64(file[40:])
	for h := headers; h < uint64(len(file)); h += 64 {
		if binary.LittleEndian.Uint32(file[h+4:]) == 2 { // SHT_SYMTAB
			binary.LittleEndian.PutUint32(file[h+4:], 1)
		}
	}
	const want = `
type_id                   .text                    struct task_struct
type_id                   ?kprobe/ids              enum pid_type (optional)
type_id                   kprobe/cast              struct task_struct
type_id                   kprobe/ids               typedef atomic_t
type_id                   kprobe/ids               struct task_struct
`
	ids := slices.DeleteFunc(uses(t, file), func(u core.Use) bool { return !u.Kind.IsTypeID() })
	if got := "\n" + shown(ids); got != want {
		t.Error(testfiles.Diff(got, want))
	}
}

// Whatever byte is wrong: no panic, and the same type ids as there are relocations.
func TestFlippedUses(t *testing.T) {
	file := bytes.Clone(testdata(t, "uses.eb.bpf.o"))
	same := 0
	for i := range file {
		file[i] ^= 0x81
		if o, err := core.ReadObject(file); err == nil {
			if rs, err := o.Relocations(); err == nil {
				if ids, want := typeIDs(o.Uses()), typeIDs(rs.Uses()); !slices.Equal(ids, want) {
					t.Fatalf("byte %d is %#x: type ids of %q, but relocations of %q", i, file[i], ids, want)
				}
				same++
			}
		}
		file[i] ^= 0x81
	}
	if same == 0 || same == len(file) {
		t.Errorf("%d of %d are accepted", same, len(file))
	}
}

func typeIDs(uses []core.Use) []string {
	var types []string
	for _, u := range uses {
		if u.Kind.IsTypeID() {
			types = append(types, u.What())
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// A file whose sections are all the same bytes costs no more than one whose are not.
func TestOverlappingSections(t *testing.T) {
	call := []byte{0x85, 0, 0, 0, 158, 0, 0, 0}
	e := objgen.ELF{Order: binary.LittleEndian}
	e.Add(".BTF", elf.SHT_PROGBITS, 0, btftest.Compile(t, binary.LittleEndian, "int int 4"))
	e.Add("calls", elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_EXECINSTR, bytes.Repeat(call, 10_000))
	for range 100 {
		e.Add("again", elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_EXECINSTR, call)
	}
	file := e.Bytes()
	headers := file[binary.LittleEndian.Uint64(file[40:]):]
	for h := 3; h < 3+100; h++ {
		copy(headers[64*h+24:][:16], headers[64*2+24:][:16]) // offset and size
	}
	o, err := core.ReadObject(file)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	uses := o.Uses()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 100*uint64(len(file)) {
		t.Errorf("allocates %d bytes for a file of %d", n, len(file))
	}
	if got, want := shown(uses), "helper                    calls                    bpf_get_current_task_btf\n"; got != want {
		t.Errorf("got %s, expected %s", got, want)
	}
}
