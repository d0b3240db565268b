package attacks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockstep/internal/attest"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
)

// ledgerPrefix begins the keys of the victim's ledger.
const ledgerPrefix = "lockstep/shop/acc/"

// A ledgerVictim is a victim whose bucket the attacker may write, and that has deployed some releases.
type ledgerVictim struct {
	*victim
	signing deploy.Signing
	// approval says that plans need an approval.
	approval bool
}

func newSigner(t *testing.T) attest.LocalSigner {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return attest.NewLocalSigner(key)
}

// newSigning returns how records are signed, by a key each for releases and plans.
func newSigning(t *testing.T) deploy.Signing {
	t.Helper()
	releases, plans := newSigner(t), newSigner(t)
	return deploy.Signing{
		Releases: deploy.SigningKey{Local: releases, Keys: releases.Keys()},
		Plans:    deploy.SigningKey{Local: plans, Keys: plans.Keys()},
		From:     1, Region: region, Builder: "urn:test", Invocation: "test",
	}
}

// newLedgerVictim returns a victim with three releases.
func newLedgerVictim(t *testing.T, signing deploy.Signing) *ledgerVictim {
	t.Helper()
	v := &ledgerVictim{victim: newVictim(t), signing: signing}
	for i := range 3 {
		v.setTemplate(fmt.Sprintf(`{"Resources":{"Topic%d":{"Type":"AWS::SNS::Topic"}}}`, i))
		require.NoError(t, v.deploy(v.options))
	}
	return v
}

func (v *ledgerVictim) options(o *deploy.Options) {
	o.Signing, o.RequiresApproval = v.signing, v.approval
}

func (v *ledgerVictim) openSigned() *deploy.Deployment {
	v.t.Helper()
	d, err := v.open(v.options)
	require.NoError(v.t, err)
	return d
}

// problems returns what a look at the records finds: status, and what verify, rollback, promotion and the next
// deployment begin with.
func (v *ledgerVictim) problems() map[string]error {
	v.t.Helper()
	d := v.openSigned()
	status := d.Status(v.t.Context(), 1000)
	found := map[string]error{}
	if status.Unreadable {
		found["status"] = errors.New(status.Problem)
	}
	_, found["verify"] = d.LatestRelease(v.t.Context())
	_, found["rollback"] = d.EarlierRelease(v.t.Context(), 1)
	found["promotion"] = d.CheckPromotion(v.t.Context(), "prod", "evil")
	v.setTemplate(`{"Resources":{"Next":{"Type":"AWS::SNS::Topic"}}}`)
	found["deploy"] = v.deploy(v.options)
	return found
}

func releaseKey(number int) string { return fmt.Sprintf("%sreleases/%08d.json", ledgerPrefix, number) }

// record returns a release record.
func (v *ledgerVictim) record(number int) map[string]any {
	v.t.Helper()
	var record map[string]any
	require.NoError(v.t, json.Unmarshal([]byte(v.objects()[releaseKey(number)]), &record))
	return record
}

// forge writes a record with a hash that fits it, as whoever may write to the bucket can.
func (v *ledgerVictim) forge(number int, record map[string]any) (hash string) {
	v.t.Helper()
	record["hash"] = ""
	text, err := json.MarshalIndent(record, "", "  ")
	if version, _ := record["version"].(float64); version < 4 {
		delete(record, "hash")
		text, err = json.Marshal(record)
	}
	require.NoError(v.t, err)
	hash = ledger.SHA256Hex(text)
	record["hash"] = hash
	text, err = json.MarshalIndent(record, "", "  ")
	require.NoError(v.t, err)
	v.exchange(releaseKey(number), string(text))
	return hash
}

// edit changes a record, with a hash that fits it.
func (v *ledgerVictim) edit(number int, name string, value any) {
	v.t.Helper()
	record := v.record(number)
	record[name] = value
	v.forge(number, record)
}

// sign writes an envelope about an object, as it is now.
func (v *ledgerVictim) sign(key, predicateType string, predicate any, by attest.LocalSigner) {
	v.t.Helper()
	sum := attest.Digest([]byte(v.objects()[key]))
	s, err := attest.NewStatement(predicateType, predicate, attest.Subject{Name: key, Digest: sum})
	require.NoError(v.t, err)
	envelope, err := attest.Sign(v.t.Context(), by, by.Keys(), s)
	require.NoError(v.t, err)
	v.exchange(attestationKey(sum), string(envelope))
}

func attestationKey(sum string) string { return ledgerPrefix + "attestations/" + sum + ".json" }

func attestationOf(data string) string { return attestationKey(attest.Digest([]byte(data))) }

var promoted = map[string]any{"prod": "evil"}

// cutNewest deletes the newest record, and makes the journal forget it.
func (v *ledgerVictim) cutNewest() {
	v.t.Helper()
	v.DeleteObject(account, region, releaseKey(3))
	var journal map[string]any
	require.NoError(v.t, json.Unmarshal([]byte(v.objects()[ledgerPrefix+"journal.json"]), &journal))
	journal["release"] = map[string]any{"number": 2, "assembly": "x"}
	text, err := json.Marshal(journal)
	require.NoError(v.t, err)
	v.exchange(ledgerPrefix+"journal.json", string(text))
}

// A release is promoted because its record says so. The attacks were first run on the version before signatures, where
// all of them passed.
func TestRecords_ForgedRecordIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		attack func(*ledgerVictim)
		// want is what every command says.
		want string
		// unsigned is what it says where nothing is signed; empty if the attack passes there.
		unsigned string
	}{
		"newest edited": {
			attack: func(v *ledgerVictim) { v.edit(3, "beside", promoted) }, want: "record 3 was changed",
		},
		"newest edited, its hash left": {
			attack: func(v *ledgerVictim) {
				v.exchange(releaseKey(3), strings.Replace(v.objects()[releaseKey(3)], `"run"`, `"note": "x", "run"`, 1))
			},
			want: "record 3 was changed", unsigned: "record 3 was changed",
		},
		"all rewritten": {
			attack: func(v *ledgerVictim) {
				previous := ""
				for n := 1; n <= 3; n++ {
					record := v.record(n)
					record["previous"], record["beside"] = previous, promoted
					previous = v.forge(n, record)
				}
			},
			want: "was changed outside Lockstep",
		},
		"another environment": {
			attack:   func(v *ledgerVictim) { v.edit(3, "environment", "dev") },
			want:     "record 3 was changed outside Lockstep: it is one of project shop, environment dev",
			unsigned: "it is one of project shop, environment dev",
		},
		"another account": {
			attack: func(v *ledgerVictim) { v.edit(3, "account", "111122223333") }, want: "account 111122223333",
			unsigned: "account 111122223333",
		},
		"another project": {
			attack: func(v *ledgerVictim) { v.edit(3, "project", "another") }, want: "project another",
			unsigned: "project another",
		},
		"another region": {
			attack: func(v *ledgerVictim) { v.edit(3, "region", "us-east-1") }, want: "in us-east-1", unsigned: "in us-east-1",
		},
		"newest cut off": {attack: (*ledgerVictim).cutNewest, want: "record 3 is missing"},
		"all cut off": {
			attack: func(v *ledgerVictim) {
				for key := range v.objects() {
					if strings.HasPrefix(key, ledgerPrefix) {
						v.DeleteObject(account, region, key)
					}
				}
			},
			want: "record 3 is missing",
		},
		"signed by another key": {
			attack: func(v *ledgerVictim) {
				v.edit(3, "beside", promoted)
				scope := attest.Scope{Project: "shop", Environment: "acc", Account: account, Region: region}
				v.sign(releaseKey(3), attest.ReleaseType, attest.Release{Scope: scope, Number: 3}, newSigner(v.t))
			},
			want: "its signature is of none of the keys",
		},
		"signature of another record": {
			attack: func(v *ledgerVictim) {
				other := v.objects()[attestationOf(v.objects()[releaseKey(2)])]
				v.edit(3, "beside", promoted)
				v.exchange(attestationOf(v.objects()[releaseKey(3)]), other)
			},
			want: "its signature is one of another file", unsigned: "",
		},
		"signature deleted": {
			attack: func(v *ledgerVictim) {
				v.DeleteObject(account, region, attestationOf(v.objects()[releaseKey(3)]))
			},
			want: "record 3 was changed outside Lockstep: nobody has signed it as it is",
		},
		"downgraded version": {
			attack: func(v *ledgerVictim) {
				record := v.record(3)
				delete(record, "version")
				record["beside"] = promoted
				v.forge(3, record)
			},
			want: "record 3 was changed",
		},
		"payload type changed": {
			attack: func(v *ledgerVictim) {
				key := attestationOf(v.objects()[releaseKey(3)])
				v.exchange(key, strings.Replace(v.objects()[key], "vnd.in-toto+json", "vnd.in-toto+JSON", 1))
			},
			want: "it is an envelope of",
		},
		"space put in": {
			attack: func(v *ledgerVictim) { v.exchange(releaseKey(3), v.objects()[releaseKey(3)]+"\n") },
			want:   "record 3 was changed", unsigned: "record 3 was changed",
		},
		"older one edited": {
			attack: func(v *ledgerVictim) { v.edit(2, "note", "x") }, want: "record 2 was changed",
			unsigned: "record 2 was changed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			signed := newLedgerVictim(t, newSigning(t))
			c.attack(signed)
			for command, err := range signed.problems() {
				if name == "older one edited" && (command == "verify" || command == "promotion" || command == "deploy") {
					continue // they read the newest record, and that the one before it is the one that it names
				}
				require.ErrorContains(t, err, c.want, command)
			}
			unsigned := newLedgerVictim(t, deploy.Signing{})
			c.attack(unsigned)
			err := unsigned.problems()["rollback"]
			if c.unsigned == "" && name != "all cut off" {
				require.NoError(t, err, "what unsigned records do not detect is in docs/security.md")
			} else if c.unsigned != "" {
				require.ErrorContains(t, err, c.unsigned)
			}
		})
	}
}

// The first release that has to be signed is a line of the configuration.
func TestRecords_UnsignedOnesAreAcceptedUpToTheConfiguredNumber(t *testing.T) {
	printed := faulttest.Printed(t)
	v := newLedgerVictim(t, deploy.Signing{})
	v.signing = newSigning(t)
	_, err := v.openSigned().LatestRelease(t.Context())
	printed.Error(err)
	require.ErrorContains(t, err, "release record 3 was changed outside Lockstep: nobody has signed it as it is")

	v.signing.From = 4
	d := v.openSigned()
	_, err = d.LatestRelease(t.Context())
	require.NoError(t, err)
	assert.Contains(t, d.Status(t.Context(), 0).Notes(),
		"unsigned: release 3; whoever may write to the bucket can make such records")
	v.setTemplate(`{"Resources":{"Signed":{"Type":"AWS::SNS::Topic"}}}`)
	require.NoError(t, v.deploy(v.options))
	d = v.openSigned()
	assert.NotEmpty(t, d.Status(t.Context(), 0).Releases[0].SignedBy)
	_, err = d.EarlierRelease(t.Context(), 1)
	require.NoError(t, err)

	// Nobody can go back to unsigned ones.
	v.signing.From = 0
	v.DeleteObject(account, region, attestationOf(v.objects()[releaseKey(4)]))
	_, err = v.openSigned().LatestRelease(t.Context())
	require.ErrorContains(t, printed.Error(err), "nobody has signed it as it is")
}

func TestRecords_UnknownHeadIsTold(t *testing.T) {
	printed := faulttest.Printed(t)
	v := newLedgerVictim(t, newSigning(t))
	require.Len(t, v.Parameters(), 1)
	clear(v.Parameters())
	_, err := v.openSigned().LatestRelease(t.Context())
	var refused *refusal.Error
	require.ErrorAs(t, printed.Error(err), &refused)
	assert.Contains(t, err.Error(), "the tooling account does not know that 3 is the newest release of acc")
	assert.Contains(t, v.openSigned().Status(t.Context(), 0).Problem, "the tooling account does not know")
	require.NoError(t, v.deploy(v.options), "a run that was cut off before the tooling account recorded it is repeated")
	_, err = v.openSigned().LatestRelease(t.Context())
	require.NoError(t, err)

	v.DeniesParameters = true
	_, err = v.openSigned().LatestRelease(t.Context())
	printed.Error(err)
	require.ErrorContains(t, err, "the newest release of acc that the tooling account knows cannot be read, so nobody "+
		"can tell whether later ones were deleted")
}

// A plan is applied because the account knows it and somebody has approved it.
func TestRecords_ForgedApprovalIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, forge := range map[string]func(v *ledgerVictim, key string){
		"unsigned": func(*ledgerVictim, string) {},
		"signed by another key": func(v *ledgerVictim, key string) {
			v.sign(key, attest.ApprovalType, attest.Approval{Scope: accScope}, newSigner(v.t))
		},
		"signed by the key of plans": func(v *ledgerVictim, key string) {
			v.sign(key, attest.ApprovalType, attest.Approval{Scope: accScope}, v.signing.Plans.Local.(attest.LocalSigner))
		},
		"signed for another environment": func(v *ledgerVictim, key string) {
			scope := accScope
			scope.Environment = "dev"
			v.sign(key, attest.ApprovalType, attest.Approval{Scope: scope}, v.signing.Releases.Local.(attest.LocalSigner))
		},
		"a statement of another type": func(v *ledgerVictim, key string) {
			v.sign(key, attest.ReleaseType, attest.Release{Scope: accScope}, v.signing.Releases.Local.(attest.LocalSigner))
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newLedgerVictim(t, newSigning(t))
			v.approval = true
			v.setTemplate(`{"Resources":{"Planned":{"Type":"AWS::SNS::Topic"}}}`)
			file := v.saveSignedPlan()
			key := ledgerPrefix + "approvals/" + string(file.Digest) + ".json"
			v.exchange(key, fmt.Sprintf(`{"plan":%q,"by":"the CISO","at":"2026-01-01T00:00:00Z"}`, file.Digest))
			forge(v, key)
			err := v.applySigned(file)
			var refused *refusal.Error
			require.ErrorAs(t, printed.Error(err), &refused)
			assert.Contains(t, err.Error(), key+" was changed outside Lockstep, or somebody else has made it")

			v.signing = deploy.Signing{}
			require.NoError(t, v.applySigned(file), "without keys, whoever may write to the bucket may approve")
		})
	}
}

var accScope = attest.Scope{Project: "shop", Environment: "acc", Account: account, Region: region}

// saveSignedPlan plans the assembly for a review.
func (v *ledgerVictim) saveSignedPlan() planfile.File {
	v.t.Helper()
	return savePlan(v.t, v.openSigned())
}

func (v *ledgerVictim) applySigned(file planfile.File) error {
	v.t.Helper()
	_, err := v.openSigned().Deploy(v.t.Context(), deploy.DeployRequest{Plan: &file})
	return err
}

func TestRecords_ForgedPlanIsRefused(t *testing.T) {
	for name, signing := range map[string]deploy.Signing{"signed": newSigning(t), "unsigned": {}} {
		t.Run(name, func(t *testing.T) {
			v := newLedgerVictim(t, signing)
			v.setTemplate(`{"Resources":{"Planned":{"Type":"AWS::SNS::Topic"}}}`)
			file := v.saveSignedPlan()
			registration := v.objects()[ledgerPrefix+"plans/"+string(file.Digest)+".json"]
			forged := file
			forged.By = "a reviewer would trust"
			require.NoError(t, forged.SetDigest())
			v.exchange(ledgerPrefix+"plans/"+string(forged.Digest)+".json",
				strings.ReplaceAll(registration, string(file.Digest), string(forged.Digest)))
			err := v.applySigned(forged)
			if name == "unsigned" {
				require.NoError(t, err)
				return
			}
			var refused *refusal.Error
			require.ErrorAs(t, err, &refused)
			assert.Contains(t, err.Error(), "nobody has signed it as it is")
			require.NoError(t, v.applySigned(file), "the real one is applied")
		})
	}
}

func TestRecords_SpentPlanIsNotMadeFreshAgain(t *testing.T) {
	v := newLedgerVictim(t, newSigning(t))
	v.setTemplate(`{"Resources":{"Planned":{"Type":"AWS::SNS::Topic"}}}`)
	file := v.saveSignedPlan()
	key := ledgerPrefix + "plans/" + string(file.Digest) + ".json"
	before := v.objects()[key]
	require.NoError(t, v.applySigned(file))
	v.exchange(key, before)
	require.ErrorContains(t, v.applySigned(file), "nobody has signed it as it is")
}

// What was signed once is put back where it was, or where another one is, with its genuine signature.
func TestRecords_GenuineOnesAreNotPutBack(t *testing.T) {
	put := func(v *ledgerVictim, objects map[string]string, keys ...string) {
		for _, key := range keys {
			v.exchange(key, objects[key])
		}
	}
	for end, endPlan := range map[string]func(*ledgerVictim, planfile.File) error{
		"applied": (*ledgerVictim).applySigned,
		"dropped": func(v *ledgerVictim, file planfile.File) error {
			return v.openSigned().DeletePlan(t.Context(), file)
		},
	} {
		t.Run("the registration of a plan that was "+end, func(t *testing.T) {
			v := newLedgerVictim(t, newSigning(t))
			v.setTemplate(`{"Resources":{"Planned":{"Type":"AWS::SNS::Topic"}}}`)
			file := v.saveSignedPlan()
			key := ledgerPrefix + "plans/" + string(file.Digest) + ".json"
			before := v.objects()
			require.NoError(t, endPlan(v, file))
			put(v, before, key, attestationOf(before[key]))
			require.ErrorContains(t, v.applySigned(file), "plan again")
		})
	}
	t.Run("the approval of another plan", func(t *testing.T) {
		v := newLedgerVictim(t, newSigning(t))
		v.approval = true
		v.setTemplate(`{"Resources":{"Planned":{"Type":"AWS::SNS::Topic"}}}`)
		file := v.saveSignedPlan()
		_, err := v.openSigned().Approve(t.Context(), file, deploy.ApprovalRequest{})
		require.NoError(t, err)
		approval := v.objects()[ledgerPrefix+"approvals/"+string(file.Digest)+".json"]
		v.setTemplate(`{"Resources":{"Evil":{"Type":"AWS::SNS::Topic"}}}`)
		evil := v.saveSignedPlan()
		v.exchange(ledgerPrefix+"approvals/"+string(evil.Digest)+".json", approval)
		require.ErrorContains(t, v.applySigned(evil), "it approves another plan")
	})
	t.Run("an older record in the place of the newest", func(t *testing.T) {
		v := newLedgerVictim(t, newSigning(t))
		v.exchange(releaseKey(3), v.objects()[releaseKey(2)])
		for command, err := range v.problems() {
			require.ErrorContains(t, err, "record 3 was changed", command)
		}
	})
	t.Run("signed by a key that counts no more", func(t *testing.T) {
		v := newLedgerVictim(t, newSigning(t))
		v.signing = newSigning(t)
		for command, err := range v.problems() {
			require.ErrorContains(t, err, "its signature is of none of the keys", command)
		}
	})
}

// One byte that is changed anywhere is named.
func TestRecords_ChangedByteIsNamed(t *testing.T) {
	signing := newSigning(t)
	v := newLedgerVictim(t, signing)
	v.approval = true
	v.setTemplate(`{"Resources":{"Planned":{"Type":"AWS::SNS::Topic"}}}`)
	file := v.saveSignedPlan()
	_, err := v.openSigned().Approve(t.Context(), file, deploy.ApprovalRequest{})
	require.NoError(t, err)
	objects := v.objects()
	var keys []string
	for key := range objects {
		folder := path.Base(path.Dir(key))
		if strings.HasPrefix(key, ledgerPrefix) && slices.Contains(
			[]string{"releases", "plans", "approvals", "attestations"}, folder) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	newest := v.record(3)
	archive := ledgerPrefix + "blobs/assembly-" + newest["assembly"].(string) + ".zip"
	keys = append(keys, archive)
	provenances := map[string]bool{} // they say how an assembly came about; nothing is decided by them
	for key, data := range objects {
		if strings.Contains(key, "/blobs/assembly-") {
			provenances[attestationOf(data)] = true
		}
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return provenances[key] })
	require.GreaterOrEqual(t, len(keys), 3+3+2+2+1)
	rapid.Check(t, func(r *rapid.T) {
		key := rapid.SampledFrom(keys).Draw(r, "key")
		data := []byte(objects[key])
		at := rapid.IntRange(0, len(data)-1).Draw(r, "position")
		data[at] ^= byte(1 << rapid.IntRange(0, 7).Draw(r, "bit"))
		v.exchange(key, string(data))
		defer v.exchange(key, objects[key])
		d := v.openSigned()
		status := d.Status(t.Context(), 1000)
		latest, err := d.LatestRelease(t.Context())
		if err == nil && latest != nil {
			err = d.FetchAssembly(t.Context(), *latest, t.TempDir())
		}
		if err == nil && !status.Unreadable {
			_, err = d.Approve(t.Context(), file, deploy.ApprovalRequest{Note: "again"})
			if strings.Contains(fmt.Sprint(err), "the plan was approved already, by") {
				r.Fatalf("a changed byte passes: %s at %d", key, at)
			}
		}
	})
	d := v.openSigned()
	require.False(t, d.Status(t.Context(), 1000).Unreadable, "all is as it was")
}

// What is exported can be verified with the public keys alone.
func TestRecords_ExportedFilesVerifyWithoutTheAccount(t *testing.T) {
	v := newLedgerVictim(t, newSigning(t))
	v.setTemplate(`{"Resources":{"Planned":{"Type":"AWS::SNS::Topic"}}}`)
	file := v.saveSignedPlan()
	_, err := v.openSigned().Approve(t.Context(), file, deploy.ApprovalRequest{})
	require.NoError(t, err)
	require.NoError(t, v.applySigned(file))
	files, err := v.openSigned().Export(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, files, 8)
	releases, plans := v.signing.Releases.Keys, v.signing.Plans.Keys
	found, err := attest.VerifyFiles(t.Context(), releases, plans, files)
	require.NoError(t, err)
	types := map[string]bool{}
	for _, f := range found {
		types[f.Type] = true
	}
	assert.Equal(t, []string{attest.ProvenanceType, attest.ApprovalType, attest.PlanType, attest.ReleaseType},
		slices.Sorted(maps.Keys(types)))
	_, err = attest.VerifyFiles(t.Context(), plans, plans, files)
	require.Error(t, err, "the key of plans does not count for releases")

	rapid.Check(t, func(r *rapid.T) {
		changed := slices.Clone(files)
		i := rapid.IntRange(0, len(files)-1).Draw(r, "file")
		data := slices.Clone(files[i].Data)
		data[rapid.IntRange(0, len(data)-1).Draw(r, "position")] ^= byte(1 << rapid.IntRange(0, 7).Draw(r, "bit"))
		changed[i] = attest.File{Name: files[i].Name, Data: data}
		_, err := attest.VerifyFiles(t.Context(), releases, plans, changed)
		if err == nil || !strings.Contains(err.Error(), strings.SplitN(files[i].Name, ".", 2)[0]) {
			r.Fatalf("a changed byte of %s passes", files[i].Name)
		}
	})
}
