package deploy

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/roles"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault/faulttest"
)

// deployRelease deploys a template with everything that a release keeps.
func (c *cloud) deployRelease(template string, change ...func(*Options)) Record {
	c.t.Helper()
	asm := oneStack(c.t, template)
	change = append(
		change,
		func(o *Options) { o.Artifacts = Artifacts{Assembly: asm.Files, ToolSBOM: []byte(`{"bill":true}`)} },
	)
	record, err := c.deploy(asm, DeployRequest{}, change...)
	require.NoError(c.t, err)
	return record
}

func (c *cloud) openAccount() *Deployment {
	c.t.Helper()
	return c.open(&assembly.Assembly{})
}

func TestRelease_RecordsContentCallerAndCommit(t *testing.T) {
	c := newCloud(t)
	c.deployRelease(topics(1), func(o *Options) { o.SiblingDigests = map[string]digest.Environment{"prod": "p1"} })
	s := c.openAccount().Status(t.Context(), 5)
	require.Empty(t, s.Problem)
	require.Len(t, s.Releases, 1)
	r := s.Releases[0]
	assert.Equal(t, 1, r.Number)
	assert.Equal(t, "arn:aws:iam::"+testTooling+":root", r.CallerARN)
	assert.Equal(t, "abc", r.Commit)
	assert.Equal(t, digest.Synth(oneStack(t, topics(1)).Digest), r.SynthDigest)
	assert.Equal(t, map[string]digest.Environment{"prod": "p1"}, r.SiblingDigests)
	assert.Equal(t, "web", r.Stacks[0].Name)
	assert.Equal(t, string(change.Created), r.Stacks[0].Outcome)
	assert.Equal(t, ledger.SHA256Hex([]byte(`{"bill":true}`)), r.SBOMDigest)
	objects := c.Objects(testAccount, testRegion)
	assert.Equal(t, `{"bill":true}`, objects["lockstep/shop/acc/blobs/tools-"+r.SBOMDigest+".json"])
	assert.Contains(t, objects, "lockstep/shop/acc/blobs/assembly-"+string(r.SynthDigest)+".zip")
	assert.Nil(t, s.Lock)
	assert.Nil(t, s.InterruptedRun)
}

const releaseKey = "lockstep/shop/acc/releases/0000000"

func TestStatus_ReportsTamperedRelease(t *testing.T) {
	for name, change := range map[string]func(c *cloud){
		"the newest one edited": func(c *cloud) {
			c.SetObject(
				testAccount, testRegion, releaseKey+"3.json",
				strings.Replace(c.Objects(testAccount, testRegion)[releaseKey+"3.json"], "abc", "evil", 1), 0,
			)
		},
		"an older one edited": func(c *cloud) {
			c.SetObject(
				testAccount, testRegion, releaseKey+"2.json",
				strings.Replace(c.Objects(testAccount, testRegion)[releaseKey+"2.json"], "abc", "evil", 1), 0,
			)
		},
		"an older one edited, with a hash that fits": func(c *cloud) {
			text := strings.Replace(c.Objects(testAccount, testRegion)[releaseKey+"2.json"], "abc", "evil", 1)
			at := strings.LastIndex(text, `"hash": "`) + len(`"hash": "`)
			hash := ledger.SHA256Hex([]byte(text[:at] + text[at+64:]))
			c.SetObject(testAccount, testRegion, releaseKey+"2.json", text[:at]+hash+text[at+64:], 0)
		},
		"one cut in half": func(c *cloud) {
			text := c.Objects(testAccount, testRegion)[releaseKey+"2.json"]
			c.SetObject(testAccount, testRegion, releaseKey+"2.json", text[:len(text)/2], 0)
		},
		"one put in another's place": func(c *cloud) {
			c.SetObject(testAccount, testRegion, releaseKey+"2.json", c.Objects(testAccount, testRegion)[releaseKey+"1.json"], 0)
		},
		"one left out": func(c *cloud) {
			c.SetObject(testAccount, testRegion, releaseKey+"5.json", c.Objects(testAccount, testRegion)[releaseKey+"3.json"], 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			for n := range 3 {
				c.deployRelease(topics(n + 1))
			}
			require.Empty(t, c.openAccount().Status(t.Context(), 10).Problem)
			change(c)
			s := c.openAccount().Status(t.Context(), 10)
			assert.True(t, s.Tampered, s.Problem)
			assert.True(t, s.Unreadable)
			assert.Regexp(t, "^release record [1-9] (was changed|is missing: it was deleted) outside Lockstep", s.Problem)
		})
	}
}

func TestRollback_RestoresEarlierReleases(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	first, second, third := topics(1), topics(2), topics(3)
	_, err := c.openAccount().EarlierRelease(t.Context(), 0)
	printed.Error(err)
	require.ErrorContains(t, err, "has no release to go back from")
	c.deployRelease(first)
	_, err = c.openAccount().EarlierRelease(t.Context(), 0)
	printed.Error(err)
	require.ErrorContains(t, err, "has no release before 1")
	c.deployRelease(second)
	c.deployRelease(third)

	back := func(want string) {
		t.Helper()
		d := c.openAccount()
		r, err := d.EarlierRelease(t.Context(), 0)
		require.NoError(t, err)
		folder := filepath.Join(t.TempDir(), "back")
		require.NoError(t, d.FetchAssembly(t.Context(), r, folder))
		files, err := assembly.Open(folder)
		require.NoError(t, err)
		asm, err := assembly.Read(files, assembly.Defaults{Account: testAccount, Region: testRegion})
		require.NoError(t, err)
		assert.Equal(t, r.SynthDigest, digest.Synth(asm.Digest))
		_, err = c.deploy(asm, DeployRequest{Restores: r.Number, Allow: change.Permits})
		require.NoError(t, err)
		assert.Equal(t, want, c.stack("web").Body)
	}
	back(second)
	back(first)
	_, err = c.openAccount().EarlierRelease(t.Context(), 0)
	printed.Error(err)
	require.ErrorContains(t, err, "has no release before 1 to go back to")
	r, err := c.openAccount().EarlierRelease(t.Context(), 3)
	require.NoError(t, err)
	assert.Equal(t, 3, r.Number)
	_, err = c.openAccount().EarlierRelease(t.Context(), 99)
	printed.Error(err)
	require.ErrorContains(t, err, "has no release 99")

	s := c.openAccount().Status(t.Context(), 10)
	require.Empty(t, s.Problem)
	var numbers [][2]int
	for _, r := range s.Releases {
		numbers = append(numbers, [2]int{r.Number, r.Restores})
	}
	assert.Equal(t, [][2]int{{5, 1}, {4, 2}, {3, 0}, {2, 0}, {1, 0}}, numbers)
}

func TestFetchAssembly_RefusesReplacedAssembly(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.deployRelease(topics(1))
	c.deployRelease(topics(2))
	d := c.openAccount()
	r, err := d.EarlierRelease(t.Context(), 0)
	require.NoError(t, err)
	archive := func(r ledger.Release) string {
		return "lockstep/shop/acc/blobs/" + staging.AssemblyBlobName(r.SynthDigest)
	}
	deployed, err := d.LatestRelease(t.Context())
	require.NoError(t, err)
	other := c.Objects(testAccount, testRegion)[archive(*deployed)]
	c.SetObject(testAccount, testRegion, archive(r), other, 0)
	err = d.FetchAssembly(t.Context(), r, filepath.Join(t.TempDir(), "back"))
	requireRefused(t, printed.Error(err))
	assert.Contains(t, err.Error(), "is not the one that was deployed")
}

func TestCheckPromotion_RequiresDeployedSibling(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	err := c.openAccount().CheckPromotion(t.Context(), "prod", "p1")
	require.ErrorContains(t, printed.Error(err), "nothing was deployed yet")
	c.deployRelease(topics(1))
	require.ErrorContains(
		t,
		printed.Error(c.openAccount().CheckPromotion(t.Context(), "prod", "p1")),
		"was not synthesised together with any assembly of prod",
	)
	siblings := func(o *Options) { o.SiblingDigests = map[string]digest.Environment{"prod": "p1"} }
	c.deployRelease(topics(1), siblings)
	require.NoError(t, c.openAccount().CheckPromotion(t.Context(), "prod", "p1"), "a release without a change is one too")
	require.ErrorContains(
		t,
		printed.Error(c.openAccount().CheckPromotion(t.Context(), "prod", "p2")),
		"what passed there as release 2 is the assembly p1, and this is p2",
	)
	record := c.deployRelease(topics(1), siblings)
	assert.Equal(t, change.Unchanged, record.Outcome)
	assert.Equal(t, 2, c.openAccount().Status(t.Context(), 0).Releases[0].Number, "the same again is no release")
}

func TestEarlierDigests_StillCompare(t *testing.T) {
	c := newCloud(t)
	recorded := func(o *Options) {
		o.SynthDigest = "files"
		o.SiblingDigests = map[string]digest.Environment{"prod": "files of prod"}
	}
	c.deployRelease(topics(1), recorded)
	require.NoError(t, c.openAccount().CheckPromotion(t.Context(), "prod", "meaning of prod", "files of prod"))
	require.Error(t, c.openAccount().CheckPromotion(t.Context(), "prod", "meaning of prod", "other files"))

	now := func(o *Options) {
		o.SynthDigest = "meaning"
		o.SiblingDigests = map[string]digest.Environment{"prod": "meaning of prod"}
		o.EarlierDigests = func() (digest.Synth, map[string]digest.Environment, error) {
			return "files", map[string]digest.Environment{"prod": "files of prod"}, nil
		}
	}
	c.deployRelease(topics(1), now)
	assert.Equal(t, 1, c.openAccount().Status(t.Context(), 0).Releases[0].Number, "the same assembly is no new release")
	c.deployRelease(topics(2), now)
	assert.Equal(t, 2, c.openAccount().Status(t.Context(), 0).Releases[0].Number, "a change is one")
}

func TestGarbage_OnlyUnreferencedOldObjects(t *testing.T) {
	c := newCloud(t)
	for n := range 4 {
		c.deployRelease(topics(n + 1))
	}
	found, err := c.openAccount().Garbage(t.Context(), 4)
	require.NoError(t, err)
	assert.Empty(t, found)
	found, err = c.openAccount().Garbage(t.Context(), 2)
	require.NoError(t, err)
	var keys []string
	for _, g := range found {
		keys = append(keys, g.Key)
		assert.LessOrEqual(t, g.Release, 2)
	}
	prefix := "lockstep/shop/acc/blobs/"
	assert.ElementsMatch(t, []string{
		prefix + staging.AssemblyBlobName(digest.Synth(oneStack(t, topics(1)).Digest)),
		prefix + staging.AssemblyBlobName(digest.Synth(oneStack(t, topics(2)).Digest)),
	}, keys,
		"the bill of the tools is still needed")

	c.PutStack(
		testAccount, testRegion, "another",
		`{"Description":"`+staging.AssemblyBlobName(digest.Synth(oneStack(t, topics(1)).Digest))+`"}`,
		"CREATE_COMPLETE",
	)
	removed, err := c.openAccount().DeleteGarbage(t.Context(), 2)
	require.NoError(t, err)
	require.Len(t, removed, 1, "a stack mentions the other one")
	assert.Equal(t, 2, removed[0].Release)
	assert.NotContains(t, c.Objects(testAccount, testRegion), removed[0].Key)
	assert.Empty(t, c.openAccount().Status(t.Context(), 10).Problem, "the records are whole")
	_, err = c.openAccount().EarlierRelease(t.Context(), 0)
	require.NoError(t, err)
}

// A stack that no assembly has any more stays in the account until a person removes it, so every plan and release tells
// of it until then.
func TestOrphanedStacks_ReportedUntilDeleted(t *testing.T) {
	c := newCloud(t)
	both := assemble(t, needs{"web": nil, "old": nil}, map[string]string{"web": topics(1), "old": topics(1)})
	_, err := c.deploy(both, DeployRequest{})
	require.NoError(t, err)

	p, saved, err := c.open(oneStack(t, topics(1))).SavePlan(t.Context(), time.Hour)
	require.NoError(t, err)
	assert.Equal(t, []string{"old"}, saved.OrphanedStacks, "although the other stack is unchanged")
	assert.Equal(t, []string{"old"}, p.Record().OrphanedStacks)

	for _, n := range []int{1, 2, 3} { // reported again by releases that never had it
		r, err := c.deploy(oneStack(t, topics(n)), DeployRequest{})
		require.NoError(t, err)
		assert.Equal(t, []string{"old"}, r.OrphanedStacks, "release %d", r.Release)
	}
	assert.Equal(t, "old", c.openAccount().Status(t.Context(), 1).Releases[0].OrphanedStacks[0].Name)

	r, err := c.deploy(both, DeployRequest{})
	require.NoError(t, err)
	assert.Empty(t, r.OrphanedStacks, "it is back")

	c.LateStart, c.StaleReads = 0, 0 // the deletion is over at once
	d := c.openAccount()
	cfg, err := d.sessions.Config(t.Context(), bootstrapRole(d.target, roles.Deploy), testRegion)
	require.NoError(t, err)
	_, err = awsclient.NewCloudFormation(cfg).DeleteStack(
		t.Context(),
		&cloudformation.DeleteStackInput{StackName: aws.String("old")},
	)
	require.NoError(t, err)
	exists, err := d.stackExists(t.Context(), c.openAccount().Status(t.Context(), 1).Releases[0].Stacks[0])
	require.NoError(t, err)
	require.False(t, exists)
	r, err = c.deploy(oneStack(t, topics(2)), DeployRequest{})
	require.NoError(t, err)
	assert.Empty(t, r.OrphanedStacks, "it was deleted")
}

func TestGarbage_KeepsWhatAnyExistingStackUses(t *testing.T) {
	for status, garbage := range map[types.StackStatus]int{
		types.StackStatusCreateFailed: 0, types.StackStatusDeleteInProgress: 0, types.StackStatusDeleteComplete: 1,
	} {
		c := newCloud(t)
		for n := range 3 {
			c.deployRelease(topics(n + 1))
		}
		template := `{"Description":"` + staging.AssemblyBlobName(digest.Synth(oneStack(t, topics(1)).Digest)) + `"}`
		c.PutStack(testAccount, testRegion, "another", template, string(status))
		found, err := c.openAccount().Garbage(t.Context(), 2)
		require.NoError(t, err)
		assert.Len(t, found, garbage, status)
	}
}
