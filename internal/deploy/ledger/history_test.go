package ledger

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/deploy/digest"
)

// A chainStep is a release: of an assembly or, with restores, of what an earlier one deployed.
type chainStep struct {
	assembly  string
	restores  int
	withdraws int
	version   int
}

// newChain returns the history of a chain, whose releases are numbered from 1.
func newChain(steps ...chainStep) History {
	var releases []Release
	for i, s := range steps {
		r := Release{
			Version: s.version, Number: i + 1, Restores: s.restores, Withdraws: s.withdraws,
			SynthDigest: digest.Synth(s.assembly),
		}
		if s.restores > 0 {
			r.SynthDigest = releases[s.restores-1].SynthDigest
		}
		releases = append(releases, r)
	}
	slices.Reverse(releases)
	return NewHistory(releases)
}

func deployed(assembly string) chainStep {
	return chainStep{assembly: assembly, version: ReleaseVersion}
}

func rollback(restores, withdraws int) chainStep {
	return chainStep{restores: restores, withdraws: withdraws, version: ReleaseVersion}
}

// unversioned returns a step as a program wrote it that knew no versions.
func unversioned(s chainStep) chainStep {
	s.version, s.withdraws = 0, 0
	return s
}

func TestHistory_RollbackNeverGoesBackToWithdrawn(t *testing.T) {
	a, b, c, d, e := deployed("a"), deployed("b"), deployed("c"), deployed("d"), deployed("e")
	for name, test := range map[string]struct {
		chain []chainStep
		want  int // 0 for none
		// withdrawn are the releases that are withdrawn in the end.
		withdrawn []int
	}{
		"nothing was deployed":              {nil, 0, nil},
		"the first release":                 {[]chainStep{a}, 0, nil},
		"a release after another":           {[]chainStep{a, b}, 1, nil},
		"the same assembly released twice":  {[]chainStep{a, b, b}, 1, nil},
		"after a rollback":                  {[]chainStep{a, b, c, rollback(2, 3)}, 1, []int{3}},
		"after a rollback and a release":    {[]chainStep{a, b, c, rollback(2, 3), d}, 2, []int{3}},
		"and rolled back again":             {[]chainStep{a, b, c, rollback(2, 3), d, rollback(2, 5)}, 1, []int{3, 5}},
		"and released once more":            {[]chainStep{a, b, c, rollback(2, 3), d, rollback(2, 5), e}, 2, []int{3, 5}},
		"after two rollbacks":               {[]chainStep{a, b, c, rollback(2, 3), rollback(1, 2)}, 0, []int{2, 3}},
		"after two rollbacks and a release": {[]chainStep{a, b, c, rollback(2, 3), rollback(1, 2), d}, 1, []int{2, 3}},
		"to the first and a release":        {[]chainStep{a, b, c, rollback(1, 3), d}, 1, []int{3}},
		"to a withdrawn one by its number":  {[]chainStep{a, b, rollback(1, 2), rollback(2, 0)}, 1, nil},
		"and a release after it":            {[]chainStep{a, b, rollback(1, 2), rollback(2, 0), c}, 2, nil},
		"and back from it again": {
			[]chainStep{a, b, rollback(1, 2), rollback(2, 0), rollback(1, 2)}, 0, []int{2},
		},
		"deployed again after it was withdrawn": {[]chainStep{a, b, rollback(1, 2), b, c}, 4, []int{2}},
		"what was restored, released again":     {[]chainStep{a, b, c, rollback(2, 3), b}, 1, []int{3}},
		"the same after two rollbacks":          {[]chainStep{a, b, c, rollback(2, 3), rollback(1, 2), a}, 0, []int{2, 3}},
		"written before there were versions": {
			[]chainStep{unversioned(a), unversioned(b), unversioned(c), unversioned(rollback(2, 0)), unversioned(d)},
			2,
			[]int{3},
		},
		"a rollback to a rollback, from before there were versions": {
			[]chainStep{
				unversioned(a), unversioned(b), unversioned(rollback(1, 0)), unversioned(c), unversioned(rollback(3, 0)), d,
			},
			1,
			[]int{2, 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newChain(test.chain...)
			previous, ok := h.Previous()
			assert.Equal(t, test.want != 0, ok)
			assert.Equal(t, test.want, previous.Number)
			var withdrawn []int
			for n := range test.chain {
				if h.Original(n+1) == n+1 && h.WithdrawnBy(n+1) != 0 {
					withdrawn = append(withdrawn, n+1)
				}
			}
			assert.Equal(t, test.withdrawn, withdrawn)
		})
	}
}

func TestHistory_OriginalOfARollbackOfARollback(t *testing.T) {
	h := newChain(deployed("a"), deployed("b"), unversioned(rollback(1, 0)), deployed("c"), unversioned(rollback(3, 0)))
	assert.Equal(t, 1, h.Original(5))
	assert.Equal(t, 4, h.Original(4))
	assert.Equal(t, 9, h.Original(9), "there is no such release")
}

func TestHistory_RecordOfVersion2SaysWhatItWithdraws(t *testing.T) {
	release := func(assembly string) chainStep { return chainStep{assembly: assembly, version: 2} }
	h := newChain(release("a"), release("b"), chainStep{restores: 1, withdraws: 0, version: 2})
	assert.Zero(t, h.WithdrawnBy(2), "it says that it withdraws nothing, so nothing is concluded from its place")
}
