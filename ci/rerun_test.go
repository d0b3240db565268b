package main

import (
	"context"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/internal/pipeline"
)

// The engine takes a container from its cache that is the same as one that ran. So nothing in the containers of gates
// may differ between two calls.
func TestCheck_FailureRunsNoPassedGateAgain(t *testing.T) {
	r, m := newRecorder(t, "")
	r.exitCodes["gosec"], r.outputs["gosec"] = 1, "failed: 1 finding"
	for _, call := range []string{"first", "second"} {
		before := maps.Clone(r.startedAt)
		runID = call
		_, err := m.Check(t.Context())
		contains(t, errorText(err), "did not pass: gosec")
		for name, at := range before {
			check(t, r.startedAt[name] == at, "%s ran again", name)
		}
	}
	check(t, len(r.startedAt) > len(table())/4, "hardly a gate ran: %v", r.startedAt)
}

// Gates of one stage that wait for nothing in it have all begun before one of them ends.
func TestCheck_GatesOfOneStageRunAtOnce(t *testing.T) {
	for stage, run := range map[pipeline.Stage]func(*Lockstep, context.Context) (string, error){
		pipeline.Quality:  (*Lockstep).Quality,
		pipeline.Security: (*Lockstep).Security,
	} {
		t.Run(string(stage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, m := newRecorder(t, "")
				r.stepTime = time.Second
				if _, err := run(m, t.Context()); err != nil {
					t.Fatal(err)
				}
				var first []string
				for _, s := range table() {
					if s.Stage == stage && len(s.Needs)+len(s.After) == 0 && r.startedAt[s.Name] > 0 {
						first = append(first, s.Name)
					}
				}
				check(t, len(first) > 2, "%v", first)
				begun := func(a, b string) int { return r.startedAt[a] - r.startedAt[b] }
				ended := func(a, b string) int { return r.endedAt[a] - r.endedAt[b] }
				last, earliest := slices.MaxFunc(first, begun), slices.MinFunc(first, ended)
				check(t, r.startedAt[last] < r.endedAt[earliest], "%s waits for %s", last, earliest)
			})
		})
	}
}
