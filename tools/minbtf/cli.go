package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// A failure is an error of a command's work, as against one of its command line.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func (f failure) Error() string { return oneLine(f.error.Error()) }

// A misuse is an error of the command line that only a command's work finds.
type misuse struct{ error }

// oneLine makes a message one line that fits on a screen, whatever names and
// values of a hostile file it quotes. The file stands at its beginning, the
// remedy at its end.
func oneLine(s string) string {
	const begin, end = 1200, 400
	if len(s) > begin+end {
		s = s[:begin] + " ... " + s[len(s)-end:]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, s)
}

// note says what is worth knowing where all went well.
func note(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, "minbtf: note: "+oneLine(fmt.Sprintf(format, args...)))
}

// atLeast expects the arguments that a command's help calls so, and of the last one maybe more.
func atLeast(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fmt.Errorf("expected %s, got %s", strings.Join(names, " "), count(len(args), "argument"))
		}
		return nil
	}
}

func exitCode(err error) int {
	if errors.As(err, new(failure)) {
		return 1
	}
	return 2
}

// run runs one command line.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	root := &cobra.Command{
		Use:   "minbtf",
		Short: "Cut kernels' BTF down to what BPF objects need",
		Long: `minbtf cuts a kernel's BTF down to what the CO-RE relocations of BPF objects
need, so that an application can carry it for kernels that have none. Relocating
against the result gives the same as against the whole, under libbpf and
cilium/ebpf alike.

Errors go to stderr, data to stdout or the named file. The exit status is 0, or
1 (failed), or 2 (usage). Files are written at once or not at all.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(*cobra.Command, []string) error { return errors.New("no command") },
	}
	for _, c := range []*cobra.Command{genCommand(), relocsCommand(), verifyCommand(), reportCommand(), inspectCommand(), exportCommand(),
		packCommand(), tailorCommand(), unpackCommand(), lsCommand()} {
		work := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			err := work(c, args)
			if err != nil && !errors.As(err, new(misuse)) {
				return failure{err}
			}
			return err
		}
		root.AddCommand(c)
	}
	args, err := bazelArgs(args)
	if err != nil {
		return failure{err}
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	c, err := root.ExecuteContextC(ctx)
	if err != nil && exitCode(err) == 2 {
		return errors.New(oneLine(fmt.Sprintf("%v; see %s --help", err, c.CommandPath())))
	}
	return err
}

// version is that of the module where "go install" knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
