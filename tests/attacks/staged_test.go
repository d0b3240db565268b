package attacks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
)

const backdoorTemplate = `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"Backdoor":{"Type":"AWS::IAM::Role"}}}`

func TestStaged_ExchangedTemplateIsNotDeployed(t *testing.T) {
	v := newVictim(t)
	key := ledger.SHA256Hex([]byte(cleanTemplate)) + ".json"
	v.exchange(key, backdoorTemplate)
	require.NoError(t, v.deploy())
	assert.Equal(t, cleanTemplate, v.Stack(account, region, "web").Body)
	assert.Equal(t, cleanTemplate, v.objects()[key])
}

// CloudFormation reads the template by itself, so it shows which one it has read.
func TestStaged_TemplateExchangedAsCloudFormationReadsIt(t *testing.T) {
	printed := faulttest.Printed(t)
	v := newVictim(t)
	v.beforeCall = func(body string) {
		if strings.Contains(body, "Action=CreateChangeSet&") {
			v.exchange(ledger.SHA256Hex([]byte(cleanTemplate))+".json", backdoorTemplate)
		}
	}
	var refused *refusal.Error
	require.ErrorAs(t, printed.Error(v.deploy()), &refused)
	assert.ErrorContains(t, printed.Error(refused), "CloudFormation has read another template than the assembly's")
	assert.Empty(t, v.Stack(account, region, "web").ChangeSets, "the change set is discarded")
	assert.Zero(t, v.Stack(account, region, "web").Executions)
}

func TestStaged_ExchangedFunctionIsNotDeployed(t *testing.T) {
	printed := faulttest.Printed(t)
	v := newVictim(t)
	key := v.addFunction("clean")
	v.exchange(key, archive(t, "index.js", "evil!"))
	var refused *refusal.Error
	require.ErrorAs(t, printed.Error(v.deploy()), &refused)
	assert.ErrorContains(t, printed.Error(refused), "holds something else under "+key)
	assert.Empty(t, v.Stack(account, region, "web").Executions, "nothing was executed")
}

func TestStaged_ExchangedBeforeExecution(t *testing.T) {
	for name, attack := range map[string]func(v *victim, key string) error{
		"between the plan and its application": func(v *victim, key string) error {
			file := v.savePlan()
			v.exchange(key, archive(t, "index.js", "evil!"))
			return v.apply(file)
		},
		"between the change set and its execution": func(v *victim, key string) error {
			return v.deploy(func(o *deploy.Options) {
				o.ShowPlan = func(deploy.Record) { v.exchange(key, archive(t, "index.js", "evil!")) }
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			key := v.addFunction("clean")
			err := attack(v, key)
			var refused *refusal.Error
			require.ErrorAs(t, err, &refused)
			assert.Zero(t, v.Stack(account, region, "web").Executions, "nothing was executed")
		})
	}
}

func TestStaged_ExchangedLaterIsNoticedByVerify(t *testing.T) {
	printed := faulttest.Printed(t)
	v := newVictim(t)
	key := v.addFunction("clean")
	require.NoError(t, v.deploy())
	d, err := v.open()
	require.NoError(t, err)
	_, err = d.Verify(t.Context())
	require.NoError(t, err)
	v.exchange(key, archive(t, "index.js", "evil!"))
	_, err = d.Verify(t.Context())
	require.ErrorContains(t, printed.Error(err), "what the bucket holds under "+key+" is not what the assembly has")
}

// The key of an asset is not the hash of its content, so whoever writes an assembly may name the key of another's.
func TestStaged_ObjectOfAnotherProjectIsNotReplaced(t *testing.T) {
	v := newVictim(t)
	key := v.addFunction("clean")
	require.NoError(t, v.deploy())
	before := v.objects()[key]

	attacker := newVictim(t)
	attacker.Cloud, attacker.project = v.Cloud, "blog"
	attacker.setTemplate(`{"Resources":{"Other":{"Type":"AWS::SNS::Topic"}}}`)
	attacker.addFunction("evil!")
	var refused *refusal.Error
	require.ErrorAs(t, attacker.plan(), &refused)
	assert.Equal(t, before, v.objects()[key])
}

func TestStaged_TwoContentsUnderOneKeyAreRefused(t *testing.T) {
	v := newVictim(t)
	key := v.addFunction("clean")
	v.write("evil", "evil!")
	v.addAsset("evil", "evil", "file", key)
	var refused *refusal.Error
	require.ErrorAs(t, v.plan(), &refused)
	assert.ErrorContains(t, refused, "so has another asset with other content")
}

// What another program has packed of the same files is no attack: it is put again, with a checksum.
func TestStaged_SameContentOfAnotherProgramIsTaken(t *testing.T) {
	v := newVictim(t)
	key := v.addFunction("clean")
	packed := archive(t, "index.js", "clean")
	v.exchange(key, packed)
	require.NoError(t, v.deploy())
	assert.NotEqual(t, packed, v.objects()[key], "it was packed differently")
	assert.Equal(t, "clean", unpack(t, v.objects()[key], "index.js"))
}
