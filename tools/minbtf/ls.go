package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khulnasoft/rules_btf/internal/archive"
	"github.com/khulnasoft/rules_btf/internal/packfile"
)

func lsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "ls [--json] FILE.btfpack|DIR...",
		Short: "List kernels",
		Long: `ls lists the kernels of packs and of folders in BTFHub's layout, a line each, with
tabs: name, and of files how large they are, of a pack how many types with a
name there are, and their byte order.`,
		Args: atLeast("FILE.btfpack|DIR..."),
		RunE: func(c *cobra.Command, args []string) error {
			return listKernels(c.OutOrStdout(), c.ErrOrStderr(), args, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, a kernel a line")
	return c
}

// listed is a kernel as it is printed.
type listed struct {
	Kernel    string   `json:"kernel"`
	File      string   `json:"file"`
	Modules   []string `json:"modules,omitempty"`
	Bytes     int64    `json:"bytes,omitempty"` // of its files
	Tailored  bool     `json:"tailored,omitempty"`
	Types     int      `json:"types,omitempty"` // with a name
	ByteOrder string   `json:"byte_order,omitempty"`
	SHA256    string   `json:"sha256,omitempty"` // of the full BTF
}

func listKernels(stdout, stderr io.Writer, paths []string, asJSON bool) error {
	var out bytes.Buffer // for when all goes well
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	w := &work{stderr: stderr}
	for _, path := range paths {
		list, unread, err := kernelsAt(path)
		if err != nil {
			return err
		}
		for _, l := range list {
			w.kernel(l.Kernel, nil)
			if !asJSON {
				fmt.Fprintln(&out, l.line())
			} else if err := enc.Encode(l); err != nil {
				return err
			}
		}
		for _, k := range unread {
			w.kernel(k.Name, k.Err)
		}
	}
	if _, err := out.WriteTo(stdout); err != nil {
		return err
	}
	return w.finish()
}

// kernelsAt returns the kernels of a folder, a pack or a file, and folders that cannot be read.
func kernelsAt(path string) (list []listed, unread []archive.Kernel, err error) {
	var s sources
	if err := s.add(path); err != nil {
		return nil, nil, err
	}
	for _, k := range s.kernels {
		if len(s.folders) == 0 { // as against a folder it may be anything
			read, err := readSource(k)
			if err != nil {
				return nil, nil, err
			}
			read.release()
		}
		if k.Err == nil {
			k.Err = accessible(filesOf(k))
		}
		if k.Err != nil {
			unread = append(unread, k)
			continue
		}
		list = append(list, listedFile(k))
	}
	for _, p := range s.packs {
		for k, err := range p.Kernels(false) {
			if err != nil {
				return nil, nil, in(path, err)
			}
			list = append(list, listedIn(p, k))
		}
	}
	return list, append(unread, s.unread...), nil
}

// accessible returns why one of the files is not there, such as that of a link to nowhere.
func accessible(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return err
		}
	}
	return nil
}

func listedFile(k archive.Kernel) listed {
	return listed{Kernel: k.Name, File: k.Path, Modules: k.Modules, Bytes: size(filesOf(k))}
}

func listedIn(p packSource, k *packfile.Kernel) listed {
	l := listed{Kernel: k.Name, File: p.path, Tailored: p.Tailored, Types: len(k.Roots), ByteOrder: "little"}
	if k.BigEndian {
		l.ByteOrder = "big"
	}
	if k.Sum != ([32]byte{}) {
		l.SHA256 = hex.EncodeToString(k.Sum[:])
	}
	return l
}

func (l *listed) line() string {
	columns := []string{oneLine(l.Kernel)}
	if l.ByteOrder != "" {
		columns = append(columns, fmt.Sprintf("%d types", l.Types), l.ByteOrder+"-endian")
	} else {
		columns = append(columns, fmt.Sprintf("%d bytes", l.Bytes))
	}
	if n := len(l.Modules); n > 0 {
		columns = append(columns, fmt.Sprintf("%d modules", n))
	}
	return strings.Join(columns, "\t")
}
