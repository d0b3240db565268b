package deploy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// rollBack goes back to the release of a number, 0 for the default, and returns the number of the one that it restored.
func (c *cloud) rollBack(to int) int {
	c.t.Helper()
	d := c.openAccount()
	r, err := d.EarlierRelease(c.t.Context(), to)
	require.NoError(c.t, err)
	folder := filepath.Join(c.t.TempDir(), "back")
	require.NoError(c.t, d.FetchAssembly(c.t.Context(), r, folder))
	files, err := assembly.Open(folder)
	require.NoError(c.t, err)
	asm, err := assembly.Read(files, assembly.Defaults{Account: testAccount, Region: testRegion})
	require.NoError(c.t, err)
	_, err = c.deploy(asm, DeployRequest{Restores: r.Number, Allow: change.Permits, Note: "it was bad"},
		func(o *Options) { o.Artifacts = Artifacts{Assembly: asm.Files} })
	require.NoError(c.t, err)
	return r.Number
}

// releaseLines returns what status shows of each release, the newest first.
func (c *cloud) releaseLines() []string {
	c.t.Helper()
	s := c.openAccount().Status(c.t.Context(), 20)
	require.Empty(c.t, s.Problem)
	var lines []string
	for _, r := range s.Releases {
		line := fmt.Sprint(r.Number)
		if r.Restores != 0 {
			line += fmt.Sprintf(" restores %d", r.Restores)
		}
		if r.Withdraws != 0 {
			line += fmt.Sprintf(" withdraws %d", r.Withdraws)
		}
		if r.WithdrawnBy != 0 {
			line += fmt.Sprintf(" withdrawn by %d", r.WithdrawnBy)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestRollback_SkipsWithdrawnReleases(t *testing.T) {
	c := newCloud(t)
	for n := range 3 {
		c.deployRelease(topics(n + 1))
	}
	assert.Equal(t, 2, c.rollBack(0))
	c.deployRelease(topics(5))
	assert.Equal(t, 2, c.rollBack(0), "release 3 was bad")
	assert.Equal(t, topics(2), c.stack("web").Body)
	assert.Equal(t, []string{
		"6 restores 2 withdraws 5", "5 withdrawn by 6", "4 restores 2 withdraws 3", "3 withdrawn by 4", "2", "1",
	}, c.releaseLines())
	newest := c.openAccount().Status(t.Context(), 0).Releases[0]
	assert.Equal(t, ledger.ReleaseVersion, newest.Version)
	assert.Equal(t, "it was bad", newest.Note)

	assert.Equal(t, 3, c.rollBack(3), "it is named")
	assert.Equal(t, 2, c.rollBack(4), "a rollback stands for what it restored")
	assert.Equal(t, []string{"8 restores 2 withdraws 3", "7 restores 3 withdrawn by 8"}, c.releaseLines()[:2])
	assert.Equal(t, 1, c.rollBack(0))
	_, err := c.openAccount().EarlierRelease(t.Context(), 0)
	require.ErrorContains(t, err,
		"acc has no release before 1 to go back to; earlier rollbacks have withdrawn 2, 3, 5, and "+
			"`--to NUMBER` goes back to one all the same")
}

// The journal has the number of the newest release, so its record cannot vanish unnoticed.
func TestReleases_MissingNewestIsTampered(t *testing.T) {
	for name, missing := range map[string][]int{
		"the newest": {3}, "the newest two": {2, 3}, "all": {1, 2, 3}, "one in the middle": {2}, "the first": {1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			for n := range 3 {
				c.deployRelease(topics(n + 1))
			}
			for _, n := range missing {
				c.deleteObject(fmt.Sprintf("%s%d.json", releaseKey, n))
			}
			want := fmt.Sprintf("release record %d is missing", missing[0])
			s := c.openAccount().Status(t.Context(), 0)
			assert.Contains(t, s.Problem, want)
			assert.True(t, s.Tampered && s.Unreadable)
			refused := func(err error) {
				t.Helper()
				var refusal *refusal.Error
				require.ErrorAs(t, err, &refusal)
				assert.ErrorContains(t, err, want)
			}
			before := c.stack("web")
			_, err := c.deploy(oneStack(t, topics(4)), DeployRequest{})
			refused(err)
			if missing[len(missing)-1] == 3 {
				_, err = c.deploy(oneStack(t, topics(3)), DeployRequest{})
				refused(err)
			}
			assert.Equal(t, before, c.stack("web"), "nothing was deployed")
			_, err = c.open(oneStack(t, topics(4))).Plan(t.Context())
			refused(err)
			_, err = c.openAccount().EarlierRelease(t.Context(), 0)
			refused(err)
			refused(c.openAccount().CheckPromotion(t.Context(), "prod", "p1"))
			_, err = c.openAccount().Garbage(t.Context(), 2)
			refused(err)
			_, err = c.openAccount().Drift(t.Context())
			refused(err)
		})
	}
}

// deleteObject deletes an object as somebody outside Lockstep does.
func (c *cloud) deleteObject(key string) {
	c.t.Helper()
	bucket, err := c.openAccount().stagingBucket(c.t.Context())
	require.NoError(c.t, err)
	require.NoError(c.t, bucket.Delete(c.t.Context(), key))
}

// withAsset adds a file to the first stack of an assembly, and returns its key.
func withAsset(asm *assembly.Assembly, content, extension string) string {
	key := ledger.SHA256Hex([]byte(content)) + extension
	asm.Files.(fstest.MapFS)[content] = &fstest.MapFile{Data: []byte(content)}
	asm.Stacks[0].Assets = append(asm.Stacks[0].Assets, assembly.Asset{
		Name: content, Path: content, Bucket: stagingBucketName(testTarget), Key: key, Region: testRegion,
		Role: assembly.Role{ARN: bootstrapRole(testTarget, roles.FilePublishing).ARN},
	})
	return key
}

// deployAsset deploys a template with a file, as a release, and returns the file's key.
func (c *cloud) deployAsset(template, content string, change ...func(*Options)) string {
	c.t.Helper()
	asm := oneStack(c.t, template)
	key := withAsset(asm, content, ".zip")
	change = append(change, func(o *Options) { o.Artifacts = Artifacts{Assembly: asm.Files} })
	_, err := c.deploy(asm, DeployRequest{}, change...)
	require.NoError(c.t, err)
	return key
}

// garbageKeys returns what is garbage when two releases are kept.
func (c *cloud) garbageKeys() []string {
	c.t.Helper()
	found, err := c.openAccount().Garbage(c.t.Context(), 2)
	require.NoError(c.t, err)
	keys := []string{}
	for _, g := range found {
		keys = append(keys, g.Key)
	}
	return keys
}

func TestGarbage_KeepsWhatIsStillNeeded(t *testing.T) {
	other := func(name string) func(*Options) { return func(o *Options) { o.Run.ID = name } }
	for name, test := range map[string]struct {
		prepare func(c *cloud)
		garbage bool
	}{
		"nothing needs it": {func(*cloud) {}, true},
		"a waiting plan": {func(c *cloud) {
			c.savePlan(c.openWithAsset(), time.Hour)
		}, false},
		"a plan that was dropped": {func(c *cloud) {
			d := c.openWithAsset()
			require.NoError(c.t, d.DeletePlan(c.t.Context(), c.savePlan(d, time.Hour)))
		}, true},
		"a plan that has expired": {func(c *cloud) { c.savePlan(c.openWithAsset(), -time.Hour) }, true},
		"a run that was cut off": {func(c *cloud) {
			c.beginRun(c.openWithAsset(other("cut0ff")))
		}, false},
		"a run that has ended": {func(c *cloud) {
			d := c.openWithAsset(other("ended"))
			c.beginRun(d)
			require.NoError(c.t, d.journal.End(c.t.Context(), time.Now(), "updated"))
		}, true},
		"a plan of another environment in the account": {func(c *cloud) {
			d := c.openWithAsset()
			d.target.Environment = "dev"
			d.ledger.Clear()
			file := planfile.File{Digest: "d1", Expires: time.Now().Add(time.Hour)}
			require.NoError(c.t, d.RegisterPlan(c.t.Context(), file))
		}, false},
		"a kept release of another project in the account": {func(c *cloud) {
			d := c.openWithAsset()
			d.target.Project = "blog"
			d.ledger.Clear()
			l, err := d.Ledger(c.t.Context())
			require.NoError(c.t, err)
			_, err = l.AddRelease(c.t.Context(), ledger.Release{AssetKeys: d.assetKeys()})
			require.NoError(c.t, err)
		}, false},
		"the default rollback": {func(c *cloud) {
			l, err := c.openAccount().Ledger(c.t.Context())
			require.NoError(c.t, err)
			second, err := l.Release(c.t.Context(), 2)
			require.NoError(c.t, err)
			_, err = l.AddRelease(c.t.Context(), ledger.Release{
				Restores: 2, Withdraws: 3, SynthDigest: second.SynthDigest, Token: 100,
			})
			require.NoError(c.t, err)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			key := c.deployAsset(topics(1), "a")
			c.deployAsset(topics(2), "b")
			c.deployAsset(topics(3), "c")
			test.prepare(c)
			if test.garbage {
				assert.Contains(t, c.garbageKeys(), key)
				return
			}
			assert.NotContains(t, c.garbageKeys(), key)
			_, err := c.openAccount().DeleteGarbage(t.Context(), 2)
			require.NoError(t, err)
			assert.Contains(t, c.Objects(testAccount, testRegion), key)
		})
	}
}

// openWithAsset returns a deployment of the first release's file.
func (c *cloud) openWithAsset(change ...func(*Options)) *Deployment {
	c.t.Helper()
	asm := oneStack(c.t, topics(9))
	withAsset(asm, "a", ".zip")
	return c.open(asm, change...)
}

// beginRun takes the lock for a deployment and begins its journal, and releases the lock as a run that was killed does.
func (c *cloud) beginRun(d *Deployment) {
	c.t.Helper()
	l, err := d.Ledger(c.t.Context())
	require.NoError(c.t, err)
	lock, release, err := d.acquireLock(c.t.Context(), l)
	require.NoError(c.t, err)
	_, err = d.beginJournal(c.t.Context(), l, lock, DeployRequest{})
	require.NoError(c.t, err)
	release(nil)
}

func TestGarbage_RefusesPlanThatDoesNotSayWhatItNeeds(t *testing.T) {
	c := newCloud(t)
	for n := range 3 {
		c.deployRelease(topics(n + 1))
	}
	l, err := c.openAccount().Ledger(t.Context())
	require.NoError(t, err)
	old := ledger.RegisteredPlan{Digest: "old", Expires: time.Now().Add(time.Hour)}
	require.NoError(t, l.RegisterPlan(t.Context(), old))
	_, err = c.openAccount().Garbage(t.Context(), 2)
	requireRefused(t, err)
	assert.ErrorContains(t, err, "was written by an older Lockstep and does not say what it needs")
}

// A release names its files, but only an object that is named by a hash is surely a published file.
func TestGarbage_TakesOnlyHashedKeysAndOwnBlobs(t *testing.T) {
	hash := strings.Repeat("a1", 32)
	for key, want := range map[string]bool{
		hash:                 true,
		hash + ".zip":        true,
		hash + ".json":       true,
		hash + ".tar.gz":     true,
		hash[1:] + ".zip":    false,
		hash + "/index.js":   false,
		"backups/" + hash:    false,
		"database.dump":      false,
		"latest.zip":         false,
		hash + ".zip/secret": false,
		"":                   false,
		"lockstep/shop/acc/blobs/" + staging.AssemblyBlobName("../lock"): false,
		"lockstep/shop/acc/lock.json":                                    false,
		"lockstep/shop/acc/releases/00000001.json":                       false,
		"lockstep/shop/prod/blobs/assembly-" + hash + ".zip":             false,
		"lockstep/shop/acc/blobs/assembly-" + hash + ".zip":              true,
		"lockstep/shop/acc/blobs/tools-" + hash + ".json":                true,
		"lockstep/shop/acc/blobs/" + hash + ".zip":                       false,
		strings.ToUpper(hash) + ".zip":                                   false,
	} {
		c := newCloud(t)
		l, err := c.openAccount().Ledger(t.Context())
		require.NoError(t, err)
		old := staging.OldKeys(l, []ledger.Release{{Number: 1, AssetKeys: []string{key}}}, 0, nil)
		_, isOld := old[key]
		assert.Equal(t, want, isOld, key)
	}
}

func TestReviewedPlan_MissingFilesArePublishedAgain(t *testing.T) {
	c := newCloud(t)
	c.deployAsset(topics(1), "first")
	asm := oneStack(t, topics(2))
	key := withAsset(asm, "second", ".zip")
	file := c.savePlan(c.open(asm), time.Hour)
	c.deleteObject(key)
	_, err := c.deploy(asm, DeployRequest{Plan: &file})
	require.NoError(t, err)
	assert.Equal(t, "second", c.Objects(testAccount, testRegion)[key])

	asm = assemble(t, needs{"net": nil, "web": {"net"}}, nil)
	slices.Reverse(asm.Stacks) // the file is of the one that comes last
	key = withAsset(asm, "third", ".zip")
	slices.Reverse(asm.Stacks)
	file = c.savePlan(c.open(asm), time.Hour)
	c.deleteObject(key)
	delete(asm.Files.(fstest.MapFS), "third")
	before := c.stack("web")
	_, err = c.deploy(asm, DeployRequest{Plan: &file})
	require.ErrorContains(t, err, "third")
	assert.Equal(t, before.Executions, c.stack("web").Executions, "nothing was executed")
	assert.Zero(t, c.stack("net").Executions, "not even what does not need the file")
}

func TestDropPlan_DeletesOnlyItsOwnChangeSets(t *testing.T) {
	for name, test := range map[string]struct {
		forge func(f *planfile.File, foreign planfile.Stack)
		want  string // empty if the plan is dropped
	}{
		"the plan as it was made": {func(*planfile.File, planfile.Stack) {}, ""},
		"a plan that is not registered": {func(f *planfile.File, _ planfile.Stack) {
			f.Commit = "other"
			_ = f.SetDigest()
		}, "does not know the plan"},
		"a change set of another run": {func(f *planfile.File, foreign planfile.Stack) {
			f.Targets[0].Stacks[0] = foreign
		}, "did not make"},
		"a change set of somebody else": {func(f *planfile.File, _ planfile.Stack) {
			f.Targets[0].Stacks[0].ChangeSet = "arn:aws:cloudformation:eu-west-1:" + testAccount + ":changeSet/console/1"
		}, "did not make"},
		"a change set of another account": {func(f *planfile.File, _ planfile.Stack) {
			s := &f.Targets[0].Stacks[0]
			s.ChangeSet = strings.Replace(s.ChangeSet, testAccount, "999900001111", 1)
		}, "did not make"},
		"the stack of another change set": {func(f *planfile.File, _ planfile.Stack) {
			s := &f.Targets[0].Stacks[0]
			s.StackID = strings.Replace(s.StackID, "stack/web/", "stack/data/", 1)
		}, "did not make"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.deployRelease(topics(1))
			foreign := c.savePlan(c.open(oneStack(t, topics(3))), time.Hour)
			d := c.open(oneStack(t, topics(2)))
			file := c.savePlan(d, time.Hour)
			test.forge(&file, foreign.Targets[0].Stacks[0])
			before := c.stack("web").ChangeSets
			err := d.DeletePlan(t.Context(), file)
			if test.want == "" {
				require.NoError(t, err)
				assert.Len(t, c.stack("web").ChangeSets, len(before)-1)
				return
			}
			requireRefused(t, err)
			require.ErrorContains(t, err, test.want)
			assert.ElementsMatch(t, before, c.stack("web").ChangeSets)
		})
	}
}

// An emulator makes the empty stack of a first plan again for each change set, and so changes its time.
func TestReviewedPlan_FirstDeploymentsDoNotBlockEachOther(t *testing.T) {
	for name, drop := range map[string]bool{"an earlier plan waits": false, "an earlier plan was dropped": true} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.RemakesEmptyStacks = true
			d := c.open(oneStack(t, topics(1)))
			first := c.savePlan(d, time.Hour)
			second := c.savePlan(c.open(oneStack(t, topics(2))), time.Hour)
			if drop {
				require.NoError(t, d.DeletePlan(t.Context(), first))
			}
			_, err := c.deploy(oneStack(t, topics(2)), DeployRequest{Plan: &second})
			require.NoError(t, err)
			assert.Equal(t, topics(2), c.stack("web").Body)
			_, err = c.deploy(oneStack(t, topics(1)), DeployRequest{Plan: &first})
			require.Error(t, err, "the stack was deployed since")
		})
	}
}

// twoStacks is an assembly whose second stack cannot be planned before the first one exists.
func twoStacks(t *testing.T) *assembly.Assembly {
	t.Helper()
	return assemble(t, needs{"net": nil, "app": {"net"}}, map[string]string{
		"net": exportingTemplate("net"),
		"app": `{"Resources":{"One":{"Type":"AWS::SNS::Topic","Properties":{"DisplayName":{"Fn::ImportValue":"net:Name"}}},
			"Two":{"Type":"AWS::SNS::Topic"}}}`,
	})
}

func TestPlan_CountsWhatItDoesNotShow(t *testing.T) {
	for name, test := range map[string]struct {
		change func(asm *assembly.Assembly)
		want   planfile.Unseen
		text   string
	}{
		"two resources": {func(*assembly.Assembly) {}, planfile.Unseen{Stacks: 1, Resources: 2}, "1 stack with 2 resources"},
		"a transform": {func(asm *assembly.Assembly) {
			for _, s := range asm.Stacks {
				s.Template.Body = strings.Replace(s.Template.Body, "{", `{"Transform":"AWS::LanguageExtensions",`, 1)
			}
		}, planfile.Unseen{Stacks: 1, UnknownStacks: 1}, "1 stack with an unknown number of resources"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			asm := twoStacks(t)
			test.change(asm)
			file := c.savePlan(c.open(asm), time.Hour)
			require.NotNil(t, file.Unseen)
			assert.Equal(t, test.want, *file.Unseen)
			assert.Equal(t, test.text, file.Unseen.String())
		})
	}
	c := newCloud(t)
	assert.Nil(t, c.savePlan(c.open(oneStack(t, topics(1))), time.Hour).Unseen)
}

func TestReviewedPlan_CompletePlansStopBeforeDeferredStacks(t *testing.T) {
	c := newCloud(t)
	complete := func(o *Options) { o.RequiresCompletePlan = true }
	file := c.savePlan(c.open(twoStacks(t), complete), time.Hour)
	assert.True(t, file.Unseen.PlanAgain)
	record, err := c.deploy(twoStacks(t), DeployRequest{Plan: &file}, complete)
	requireRefused(t, err)
	require.ErrorContains(t, err, "acc requires complete plans: what it needs is there now, so plan it with "+
		"`lockstep plan --env acc --out FILE`")
	assert.Equal(t, map[string]change.Outcome{"net": change.Created, "app": change.Failed}, outcomes(record))
	assert.Zero(t, record.Release)
	assert.Empty(t, c.stack("app").Status)

	file = c.savePlan(c.open(twoStacks(t), complete), time.Hour)
	assert.Nil(t, file.Unseen)
	record, err = c.deploy(twoStacks(t), DeployRequest{Plan: &file}, complete)
	require.NoError(t, err)
	assert.Equal(t, 1, record.Release)
}

// A stack whose first creation failed can only be planned when it is gone, so the application of the plan deletes it.
func TestReviewedPlan_CompletePlansComeToAnEnd(t *testing.T) {
	c := newCloud(t)
	complete := func(o *Options) { o.RequiresCompletePlan = true }
	c.PutStack(testAccount, testRegion, "web", topics(1), "ROLLBACK_COMPLETE")
	file := c.savePlan(c.open(oneStack(t, topics(1)), complete), time.Hour)
	_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{Plan: &file}, complete)
	require.ErrorContains(t, err, "requires complete plans")
	file = c.savePlan(c.open(oneStack(t, topics(1)), complete), time.Hour)
	_, err = c.deploy(oneStack(t, topics(1)), DeployRequest{Plan: &file}, complete)
	require.NoError(t, err)
}
