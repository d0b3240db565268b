package attacks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tools"
)

// botoCalls are the ways in which the Python SDK, and with it the AWS command line, signs a call.
const botoCalls = `
import io, ssl, sys, urllib.request
import botocore.session
from botocore.config import Config
endpoint, authority, account = sys.argv[1:]
session = botocore.session.get_session()
def client(service, **more):
    return session.create_client(service, region_name="eu-west-1", endpoint_url=endpoint, verify=authority, **more)
assert client("sts").get_caller_identity()["Account"] == account
s3 = client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
s3.create_bucket(Bucket="boto", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
body = b"x" * (1 << 20)
s3.put_object(Bucket="boto", Key="a b/+\u00fc", Body=io.BytesIO(body), ChecksumAlgorithm="SHA256")
assert s3.get_object(Bucket="boto", Key="a b/+\u00fc")["Body"].read() == body
unsigned = client("s3", config=Config(s3={"addressing_style": "path", "payload_signing_enabled": False}))
unsigned.put_object(Bucket="boto", Key="unsigned", Body=body)
signed = client("s3", config=Config(s3={"addressing_style": "path", "payload_signing_enabled": True}))
signed.put_object(Bucket="boto", Key="signed", Body=body)
context = ssl.create_default_context(cafile=authority)
url = s3.generate_presigned_url("put_object", Params={"Bucket": "boto", "Key": "presigned"}, ExpiresIn=60)
urllib.request.urlopen(urllib.request.Request(url, data=b"presigned", method="PUT"), context=context)
url = s3.generate_presigned_url("get_object", Params={"Bucket": "boto", "Key": "presigned"}, ExpiresIn=60)
assert urllib.request.urlopen(url, context=context).read() == b"presigned"
ssm = client("ssm")
ssm.put_parameter(Name="/p", Value="v", Type="String")
assert ssm.get_parameter(Name="/p")["Parameter"]["Value"] == "v"
client("cloudformation").list_stacks()
client("lambda").list_functions()
client("iam").list_roles(PathPrefix="/a b/")
trust = ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
         '"Principal": {"AWS": "' + account + '"}}]}')
role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
client("iam").put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=policy)
keys = client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
keys = dict(aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"])
assumed = client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}), **keys)
assert assumed.get_object(Bucket="boto", Key="presigned")["Body"].read() == b"presigned"
url = assumed.generate_presigned_url("get_object", Params={"Bucket": "boto", "Key": "presigned"}, ExpiresIn=60)
assert urllib.request.urlopen(url, context=context).read() == b"presigned"
for name, guess in (("aws_secret_access_key", "guess"), ("aws_session_token", "guess"), ("aws_session_token", None)):
    wrong = dict(keys, **{name: guess})
    try:
        client("s3", **wrong).list_buckets()
    except botocore.exceptions.ClientError as e:
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 403, e
    else:
        raise AssertionError("a session answers to a guess")
print("done")
`

func TestEmulator_AnswersPythonSDK(t *testing.T) {
	e := startEmulator(t)
	installer, err := tools.NewInstaller(os.Environ(), func(string) {})
	require.NoError(t, err)
	ministack, err := installer.Install(t.Context(), tools.Ministack)
	require.NoError(t, err)
	root := e.root(victim)
	cmd := exec.Command(filepath.Join(ministack, tools.MinistackPython), "-c", botoCalls,
		e.session.Endpoint, e.session.Authority, victim)
	cmd.Env = append(os.Environ(), "AWS_CONFIG_FILE="+os.DevNull, "AWS_ENDPOINT_URL=", "NO_PROXY=127.0.0.1",
		"AWS_ACCESS_KEY_ID="+root.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+root.SecretAccessKey, "AWS_SESSION_TOKEN=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "done\n", string(out))
}
