package pack

import (
	"golang.org/x/sync/errgroup"

	"github.com/khulnasoft/rules_btf/internal/core"
	"github.com/khulnasoft/rules_btf/internal/graph"
	"github.com/khulnasoft/rules_btf/internal/packfile"
	"github.com/khulnasoft/rules_btf/internal/store"
)

// A Sink takes what is left of a kernel, or why nothing is. An error of its own ends the work.
type Sink func(name string, g graph.Graph, k *store.Kernel, err error) error

// perJob is how many kernels are worth a job: each goes through the list of all kernels,
// and cuts what it comes to anew.
var perJob = 128

// Tailor cuts those kernels of a full pack that are to be kept down to what relocations look
// at. Up to jobs Sinks are used at the same time, each for kernels whose types are in the
// store that it was made for.
func Tailor(p *packfile.Pack, rs *core.Relocations, jobs int, keep func(name string) bool, sink func(s *store.Store) Sink) error {
	if err := p.Types(); err != nil {
		return err
	}
	kept := 0
	for k, err := range p.Heads() {
		if err != nil {
			return err
		}
		if keep(k.Name) {
			kept++
		}
	}
	exact := core.LooksThroughPointers(rs)
	jobs = max(min(jobs, kept/perJob), 1)
	if !exact {
		jobs = 1 // a type is cut once for all kernels, which takes longer than all else
	}
	var group errgroup.Group
	for job := range jobs {
		group.Go(func() error {
			s := store.New()
			view := store.NewView(p.Store, exact)
			pruner := core.NewPruner(rs, s)
			take := sink(s)
			n := 0
			for k, err := range p.Kernels(exact) {
				if err != nil {
					return err
				}
				if !keep(k.Name) {
					continue
				}
				// Neighbours have most in common, so each job has a stretch of them.
				if n++; (n-1)*jobs/kept != job {
					continue
				}
				if err := view.Show(&k.Kernel); err != nil {
					return err
				}
				min, err := pruner.Prune(view)
				if err == nil {
					err = view.Err()
				}
				if err := take(k.Name, view, min, err); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
