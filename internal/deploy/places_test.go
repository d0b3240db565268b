package deploy

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// The places of a test: the target's own, another region of its account, and another account.
var (
	home   = assembly.Place{Account: testAccount, Region: testRegion}
	global = assembly.Place{Account: testAccount, Region: "us-east-1"}
	shared = assembly.Place{Account: "777788889999", Region: testRegion}
)

// A placed stack is in a place and needs other stacks.
type placed struct {
	place    assembly.Place
	needs    []string
	template string
}

// assemblePlaces returns the files of a cloud assembly with stacks in several places.
func assemblePlaces(t *testing.T, stacks map[string]placed) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	artefacts := map[string]any{}
	for name, s := range stacks {
		target := testTarget
		target.Account, target.Region = s.place.Account, s.place.Region
		files[name+".json"] = &fstest.MapFile{Data: []byte(s.template)}
		artefacts[name] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://" + s.place.Account + "/" + s.place.Region,
			"dependencies": s.needs,
			"properties": map[string]any{
				"templateFile": name + ".json", "assumeRoleArn": bootstrapRole(target, roles.Deploy).ARN,
				"cloudFormationExecutionRoleArn": bootstrapRole(target, roles.Execution).ARN,
			},
		}
	}
	manifest, err := json.Marshal(map[string]any{"version": "55.0.0", "artifacts": artefacts})
	require.NoError(t, err)
	files["manifest.json"] = &fstest.MapFile{Data: manifest}
	return files
}

// openPlaces opens a deployment of the stacks in the three places.
func (c *cloud) openPlaces(stacks map[string]placed, change ...func(*Options)) (*Deployment, error) {
	c.t.Helper()
	files := assemblePlaces(c.t, stacks)
	o := Options{
		Run: RunInfo{ID: NewRunID(), Command: "lockstep deploy", Mode: Rehearsal}, Progress: c.progress.add,
		LivenessDir: c.t.TempDir(), Places: []assembly.Place{global, shared}, Artifacts: Artifacts{Assembly: files},
	}
	for _, f := range change {
		f(&o)
	}
	asm, _, err := o.ReadAssembly(files, testTarget)
	if err != nil {
		return nil, err
	}
	o.SynthDigest, o.EnvironmentDigest = digest.Synth(asm.Digest), digest.Environment(asm.Digest)
	return Open(c.t.Context(), c.Config(testTooling, testRegion), testTarget, asm, o)
}

// deployPlaces deploys the stacks in the three places.
func (c *cloud) deployPlaces(stacks map[string]placed) Record {
	c.t.Helper()
	d, err := c.openPlaces(stacks)
	require.NoError(c.t, err)
	record, err := d.Deploy(c.t.Context(), DeployRequest{})
	require.NoError(c.t, err)
	return record
}

// site is a site whose certificate is in another region, and whose zone is in another account.
func site(n int) map[string]placed {
	return map[string]placed{
		"zone":        {shared, nil, topics(n)},
		"certificate": {global, []string{"zone"}, topics(n)},
		"web":         {home, []string{"certificate"}, topics(n)},
	}
}

func TestPlaces_OneDeploymentInSeveralPlaces(t *testing.T) {
	c := newCloud(t)
	record := c.deployPlaces(site(1))
	assert.Equal(t, map[string]change.Outcome{
		"zone": change.Created, "certificate": change.Created, "web": change.Created,
	}, outcomes(record))
	var order []string
	for _, s := range record.Stacks {
		order = append(order, s.Name)
	}
	assert.Equal(t, []string{"zone", "certificate", "web"}, order, "in the order of the app, across places")
	assert.Equal(t, "CREATE_COMPLETE", c.Stack(shared.Account, shared.Region, "zone").Status)
	assert.Equal(t, "CREATE_COMPLETE", c.Stack(global.Account, global.Region, "certificate").Status)
	assert.Equal(t, "CREATE_COMPLETE", c.Stack(home.Account, home.Region, "web").Status)
	assert.Empty(t, c.Stack(home.Account, home.Region, "certificate").Status)

	assert.Equal(t, change.Unchanged, c.deployPlaces(site(1)).Outcome, "again, nothing")
	assert.Equal(t, change.Updated, outcomes(c.deployPlaces(site(2)))["zone"])

	status := c.openAccount().Status(t.Context(), 1)
	assert.Equal(t, 2, status.Releases[0].Number, "one ledger, in the first place")
	for _, p := range []assembly.Place{global, shared} {
		assert.Empty(t, c.Objects(p.Account, p.Region), "no ledger in %s", p)
	}
}

func TestPlaces_FirstFailureStopsWhatNeedsIt(t *testing.T) {
	c := newCloud(t)
	stacks := site(1)
	stacks["certificate"] = placed{global, []string{"zone"}, failingTemplate}
	d, err := c.openPlaces(stacks)
	require.NoError(t, err)
	record, err := d.Deploy(t.Context(), DeployRequest{})
	require.ErrorContains(t, err, "stack certificate")
	assert.Equal(t, change.Created, outcomes(record)["zone"])
	assert.Equal(t, change.Untouched, outcomes(record)["web"])
	assert.Equal(t, change.Created, outcomes(c.deployPlaces(site(1)))["web"], "the next run goes on")
}

func TestPlaces_RollbackDriftAndRecoveryReachEveryPlace(t *testing.T) {
	c := newCloud(t)
	c.deployPlaces(site(1))
	c.deployPlaces(site(2))
	d, err := c.openPlaces(site(2))
	require.NoError(t, err)
	earlier, err := d.EarlierRelease(t.Context(), 0)
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "back")
	require.NoError(t, d.FetchAssembly(t.Context(), earlier, folder))
	back, err := c.openPlaces(site(1))
	require.NoError(t, err)
	record, err := back.Deploy(t.Context(), DeployRequest{Restores: earlier.Number, Allow: []change.Permit{"data-loss"}})
	require.NoError(t, err)
	assert.Equal(t, map[string]change.Outcome{
		"zone": change.Updated, "certificate": change.Updated, "web": change.Updated,
	}, outcomes(record))

	drifts, err := d.Drift(t.Context())
	require.NoError(t, err)
	places := map[string]string{}
	for _, drift := range drifts {
		assert.False(t, drift.IsMissing, drift.Stack)
		places[drift.Stack] = drift.Account + "/" + drift.Region
	}
	assert.Equal(t, map[string]string{
		"zone": "777788889999/eu-west-1", "certificate": "444455556666/us-east-1", "web": "444455556666/eu-west-1",
	}, places)
}

func TestPlaces_ReviewedPlanIsOfAllPlaces(t *testing.T) {
	c := newCloud(t)
	d, err := c.openPlaces(site(1))
	require.NoError(t, err)
	file := c.savePlan(d, changeSetTTL)
	require.Len(t, file.Targets, 1)
	require.Len(t, file.Targets[0].Stacks, 3)
	again, err := c.openPlaces(site(1))
	require.NoError(t, err)
	record, err := again.Deploy(t.Context(), DeployRequest{Plan: &file})
	require.NoError(t, err)
	assert.Equal(t, change.Created, outcomes(record)["certificate"])

	next, err := c.openPlaces(site(2))
	require.NoError(t, err)
	file = c.savePlan(next, changeSetTTL)
	require.NoError(t, next.DeletePlan(t.Context(), file))
	for _, p := range []assembly.Place{home, global, shared} {
		for name := range site(1) {
			assert.Empty(t, c.Stack(p.Account, p.Region, name).ChangeSets, "%s in %s", name, p)
		}
	}
}

func TestPlaces_OrphansOfAnotherPlace(t *testing.T) {
	c := newCloud(t)
	c.deployPlaces(site(1))
	without := site(1)
	delete(without, "certificate")
	without["web"] = placed{home, nil, topics(1)}
	assert.Equal(t, []string{"certificate"}, c.deployPlaces(without).OrphanedStacks)
	moved := site(1)
	moved["certificate"] = placed{home, []string{"zone"}, topics(1)}
	assert.Equal(t, []string{"certificate"}, c.deployPlaces(moved).OrphanedStacks, "of the same name, but elsewhere")

	d, err := c.openPlaces(map[string]placed{"web": {home, nil, topics(1)}}, func(o *Options) { o.Places = nil })
	require.NoError(t, err)
	record, err := d.Deploy(t.Context(), DeployRequest{})
	require.NoError(t, err)
	assert.Contains(t, record.OrphanedStacks, "zone", "it may still be there")
	assert.Contains(t, c.progress.String(), "which is no place of acc any more")
}

func TestPlaces_RefusesWhatIsElsewhere(t *testing.T) {
	c := newCloud(t)
	var refused *refusal.Error

	otherPlace := assembly.Place{Account: "999900001111", Region: testRegion}
	_, err := c.openPlaces(map[string]placed{"web": {otherPlace, nil, topics(1)}})
	require.ErrorContains(t, err, "no stack of the cloud assembly goes to account 444455556666 in eu-west-1 or account "+
		"444455556666 in us-east-1 or account 777788889999 in eu-west-1")
	require.True(t, errors.As(err, &refused))

	files := assemblePlaces(t, site(1))
	other := testTarget
	other.Account = shared.Account
	text := string(files["manifest.json"].Data)
	require.Contains(t, text, bootstrapRole(testTarget, roles.Deploy).ARN)
	files["manifest.json"].Data = []byte(strings.Replace(text, bootstrapRole(testTarget, roles.Deploy).ARN,
		bootstrapRole(other, roles.Deploy).ARN, 1))
	o := Options{Run: RunInfo{ID: NewRunID(), Mode: Rehearsal}, Places: []assembly.Place{global, shared}}
	asm, _, err := o.ReadAssembly(files, testTarget)
	require.NoError(t, err)
	_, err = Open(t.Context(), c.Config(testTooling, testRegion), testTarget, asm, o)
	require.ErrorContains(t, err, "of account 777788889999, but acc is account 444455556666",
		"a stack takes no role of another place")
	require.True(t, errors.As(err, &refused))
}

func TestPlaces_RefusesOneNameInTwoPlaces(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	files := fstest.MapFS{}
	artefacts := map[string]any{}
	for id, place := range map[string]assembly.Place{"a": home, "b": global} {
		artefacts[id] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://" + place.Account + "/" + place.Region,
			"properties": map[string]any{"templateFile": "t.json", "stackName": "web"},
		}
	}
	manifest, err := json.Marshal(map[string]any{"version": "55.0.0", "artifacts": artefacts})
	require.NoError(t, err)
	files["manifest.json"] = &fstest.MapFile{Data: manifest}
	files["t.json"] = &fstest.MapFile{Data: []byte(topics(1))}
	o := Options{Run: RunInfo{ID: NewRunID(), Mode: Rehearsal}, Places: []assembly.Place{global}}
	asm, _, err := o.ReadAssembly(files, testTarget)
	require.NoError(t, err)
	_, err = Open(t.Context(), c.Config(testTooling, testRegion), testTarget, asm, o)
	printed.Error(err)
	require.ErrorContains(t, err,
		"stack web is in account 444455556666 in eu-west-1 and in account 444455556666 in us-east-1")
}

func TestSharedAccount_RefusesAStackOfAnotherEnvironment(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.deployPlaces(site(1))
	other := testTarget
	other.Environment = "test"
	open := func(names ...string) error {
		stacks := map[string]placed{}
		for _, name := range names {
			stacks[name] = placed{home, nil, topics(1)}
		}
		files := assemblePlaces(t, stacks)
		o := Options{Run: RunInfo{ID: NewRunID(), Mode: Rehearsal}, SharesAccount: true}
		asm, _, err := o.ReadAssembly(files, other)
		require.NoError(t, err)
		_, err = Open(t.Context(), c.Config(testTooling, testRegion), other, asm, o)
		return err
	}
	require.NoError(t, open("api"))
	require.NoError(t, open("certificate"), "the other one's is in another region")
	err := open("api", "web")
	printed.Error(err)
	require.ErrorContains(t, err, "stack web in account 444455556666 in eu-west-1 is one of shop/acc")
	requireRefused(t, printed.Error(err))
}
