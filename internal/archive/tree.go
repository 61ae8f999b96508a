package archive

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Kernel is the files of one kernel in a folder.
type Kernel struct {
	Name    string   // distro/version/arch/release
	Path    string   // of its vmlinux's BTF
	Modules []string // paths, by name
	Err     error    // why it cannot be used, before anybody reads its files
}

// Arch returns the architecture in a kernel's name, which is that of the folder it is in; "" if it is in none.
func Arch(name string) string {
	if dir := path.Dir(name); dir != "." {
		return path.Base(dir)
	}
	return ""
}

// Release returns the name of a kernel's file without folder and extensions:
// BTFHub names it by the kernel's release. It is also false if they are not those of BTF.
func Release(file string) (release string, ok bool) {
	name := path.Base(filepath.ToSlash(file))
	name = strings.TrimSuffix(stripExt(name, compressed), ".tar")
	release, ok = strings.CutSuffix(name, ".btf")
	return release, ok && release != "" && release != "." && release != ".."
}

// Module returns the name of a module's file without folder and extensions.
func Module(file string) string {
	if name, ok := koName(file); ok {
		return name
	}
	name, _ := Release(file)
	return name
}

// koName returns the name of a file that is a module itself.
func koName(file string) (name string, ok bool) {
	name = stripExt(path.Base(filepath.ToSlash(file)), compressed)
	name, ok = strings.CutSuffix(name, ".ko")
	return name, ok && name != ""
}

// Tree returns the kernels in a folder of BTFHub's layout, sorted by name:
// distro/version/arch/release.btf.tar.xz, and modules in a folder that is named as
// their kernel is. Other files are left alone. Links to folders are BTFHub's aliases, and not
// followed. What cannot be read in a file is for whoever reads it to say; nor is it
// said here which of several files of a name is the kernel. Folders that cannot be
// read, in which there may be more, are returned like kernels.
func Tree(dir string) (kernels, unread []Kernel, err error) {
	files := map[string][]string{}            // kernels, by name
	modules := map[string]map[string]string{} // by kernel and name
	errs := map[string]error{}                // by kernel, or what would be one
	add := func(kernel, module, file string) {
		of := modules[kernel]
		if of == nil {
			of = map[string]string{}
			modules[kernel] = of
		}
		if of[module] != "" {
			errs[kernel] = fmt.Errorf("%s: is the same module %s as %s; remove one", file, path.Join(kernel, module), of[module])
		}
		of[module] = file
	}
	// With a separator, the folder itself may be a link.
	err = filepath.WalkDir(dir+string(filepath.Separator), func(file string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(dir, file)
		if relErr != nil {
			return relErr
		}
		rel = filepath.ToSlash(rel)
		switch {
		case err != nil && rel == ".":
			return err
		case err != nil:
			errs[rel] = err
			unread = append(unread, Kernel{Name: rel, Path: file, Err: err})
			return nil
		case !isFile(file, d):
			return nil
		}
		if release, ok := Release(rel); ok {
			name := path.Join(path.Dir(rel), release)
			files[name] = append(files[name], file)
		} else if module, ok := koName(rel); ok {
			add(path.Dir(rel), module, file)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if kernel := path.Dir(name); files[kernel] != nil {
			for _, file := range files[name] {
				add(kernel, path.Base(name), file)
			}
			delete(files, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var paths []string
		for _, module := range slices.Sorted(maps.Keys(modules[name])) {
			paths = append(paths, modules[name][module])
		}
		for _, file := range files[name] {
			kernels = append(kernels, Kernel{Name: name, Path: file, Modules: paths, Err: errs[name]})
		}
	}
	// Kernels say themselves that their modules cannot be read.
	return kernels, slices.DeleteFunc(unread, func(k Kernel) bool { return files[k.Name] != nil }), nil
}

// isFile reports whether something in a folder is to be read as a file: also if it
// is a link that leads nowhere, which then cannot be read.
func isFile(file string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	info, err := os.Stat(file)
	return err != nil || info.Mode().IsRegular()
}
