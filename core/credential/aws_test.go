package credential

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// server answers paths, with the method before them, and notes the headers.
func server(t *testing.T, answers map[string]string) (address string, seen map[string]http.Header) {
	t.Helper()
	seen = map[string]http.Header{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.Method+" "+r.URL.Path]
		_ = r.ParseForm()
		seen[r.URL.Path] = r.Header.Clone()
		for name, values := range r.PostForm {
			seen[r.URL.Path].Set("Form-"+name, values[0])
		}
		if !known {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	return s.URL, seen
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// fetch makes an authorizer and asks it once.
func fetch(t *testing.T, spec Spec, environment map[string]string) (*Secret, error) {
	t.Helper()
	a := New(Options{Spec: spec, Region: "eu-west-1", Service: "bedrock", ConnectTimeout: 5 * time.Second,
		Getenv: func(name string) (string, bool) { v, ok := environment[name]; return v, ok }})
	defer a.Close()
	return a.Get(t.Context())
}

const keys = `{"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"s3cret","Token":"session","Expiration":"2099-01-01T00:00:00Z"}`

func TestAWSKeysAreFoundWhereItsSDKsLook(t *testing.T) {
	found := AWSKeys{"ASIA1", "s3cret", "session"}
	machine := map[string]string{"PUT /latest/api/token": "imds-token", "GET /latest/meta-data/iam/security-credentials/": "my-role\n",
		"GET /latest/meta-data/iam/security-credentials/my-role": keys}
	t.Run("configuration", func(t *testing.T) {
		s, err := fetch(t, Spec{Type: AWS, AccessKeyID: "ASIA1", SecretAccessKey: "s3cret", SessionToken: "session"}, nil)
		require.NoError(t, err)
		require.Equal(t, found, s.AWS)
	})
	t.Run("environment", func(t *testing.T) {
		s, err := fetch(t, Spec{Type: AWS}, map[string]string{"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "session"})
		require.NoError(t, err)
		require.Equal(t, found, s.AWS)
	})
	t.Run("shared files", func(t *testing.T) {
		credentials := write(t, "credentials", "# mine\n[default]\naws_access_key_id = other\n\n[work]\naws_access_key_id=ASIA1\naws_secret_access_key = s3cret\naws_session_token=session # now\n")
		config := write(t, "config", "[profile work]\nregion = ap-south-1\ns3 =\n  region = no\n")
		environment := map[string]string{"AWS_SHARED_CREDENTIALS_FILE": credentials, "AWS_CONFIG_FILE": config, "AWS_PROFILE": "work"}
		s, err := fetch(t, Spec{Type: AWS}, environment)
		require.NoError(t, err)
		require.Equal(t, found, s.AWS)
		require.Equal(t, "ap-south-1", AWSRegion("", func(name string) (string, bool) { v, ok := environment[name]; return v, ok }))
	})
	t.Run("process", func(t *testing.T) {
		config := write(t, "config", `[profile p]
credential_process = printf '%s' '{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"s3cret","SessionToken":"session","Expiration":"2099-01-01T00:00:00Z"}'
`)
		s, err := fetch(t, Spec{Type: AWS, Profile: "p"}, map[string]string{"AWS_CONFIG_FILE": config})
		require.NoError(t, err)
		require.Equal(t, found, s.AWS)
		require.Equal(t, 2099, s.Expires.Year())
	})
	t.Run("container", func(t *testing.T) {
		at, seen := server(t, map[string]string{"GET /creds": keys})
		token := write(t, "token", "container-token\n")
		s, err := fetch(t, Spec{Type: AWS}, map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": at + "/creds", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token})
		require.NoError(t, err)
		require.Equal(t, found, s.AWS)
		require.Equal(t, "container-token", seen["/creds"].Get("Authorization"))
	})
	t.Run("machine", func(t *testing.T) {
		at, seen := server(t, machine)
		s, err := fetch(t, Spec{Type: AWS}, map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": at, "http_proxy": "http://127.0.0.1:1"})
		require.NoError(t, err)
		require.Equal(t, found, s.AWS)
		require.Equal(t, "imds-token", seen["/latest/meta-data/iam/security-credentials/my-role"].Get("X-Aws-Ec2-Metadata-Token"))
	})
	t.Run("web identity", func(t *testing.T) {
		at, seen := server(t, map[string]string{"POST /": `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
			<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s3cret</SecretAccessKey><SessionToken>session</SessionToken>
			<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`})
		s, err := fetch(t, Spec{Type: AWS}, map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": write(t, "jwt", "the.jwt\n"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_ENDPOINT_URL_STS": at + "/"})
		require.NoError(t, err)
		require.Equal(t, found, s.AWS)
		require.Equal(t, "the.jwt", seen["/"].Get("Form-WebIdentityToken"))
	})
}

func TestWithoutAWSKeysTheMessageSaysWhatToSet(t *testing.T) {
	nothing := map[string]string{"AWS_EC2_METADATA_DISABLED": "true", "HOME": t.TempDir()}
	_, err := fetch(t, Spec{Type: AWS}, nothing)
	require.Equal(t, llm.Authentication, llm.CodeOfError(err))
	require.ErrorContains(t, err, "no AWS credentials were found")
	require.ErrorContains(t, err, "set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	nothing["AWS_PROFILE"] = "gone"
	_, err = fetch(t, Spec{Type: AWS}, nothing)
	require.ErrorContains(t, err, `the AWS profile "gone", which AWS_PROFILE names, has no credentials`)
}

func TestAProfileWhoseKeysOthersMakeSaysWhoMakesThem(t *testing.T) {
	for name, keys := range map[string]string{
		"SSO":             "sso_session = x\nsso_account_id = 1\nsso_role_name = r",
		"SSO, old form":   "sso_start_url = https://example.com/start\nsso_region = r",
		"role of another": "role_arn = arn:aws:iam::1:role/r\nsource_profile = default",
		"role of a place": "role_arn = arn:aws:iam::1:role/r\ncredential_source = Ec2InstanceMetadata",
		"login":           "login_session = arn:aws:iam::1:user/u",
	} {
		for way, spec := range map[string]Spec{"environment": {Type: AWS}, "configuration": {Type: AWS, Profile: "dev"}} {
			environment := map[string]string{"AWS_CONFIG_FILE": write(t, "config", "[profile dev]\n"+keys+"\n"), "HOME": t.TempDir(), "AWS_PROFILE": "dev"}
			_, err := fetch(t, spec, environment)
			require.Equal(t, llm.Authentication, llm.CodeOfError(err), "%s, %s", name, way)
			require.ErrorContains(t, err, `the AWS profile "dev" gets its keys by a role, by SSO or by a login`, "%s, %s", name, way)
			require.ErrorContains(t, err, "name another profile, with credential_process = aws configure export-credentials --profile dev", "%s, %s", name, way)
		}
	}
}

func TestAWSKeysAreNotFetchedWhereTheyWouldLeak(t *testing.T) {
	for name, environment := range map[string]map[string]string{
		"container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/creds"},
		"sts":       {"AWS_WEB_IDENTITY_TOKEN_FILE": write(t, "jwt", "x"), "AWS_ROLE_ARN": "r", "AWS_ENDPOINT_URL_STS": "http://example.com/"},
	} {
		_, err := fetch(t, Spec{Type: AWS}, environment)
		require.Equal(t, llm.Authentication, llm.CodeOfError(err), name)
		require.ErrorContains(t, err, "https", name)
	}
}

func TestAProcessEndsWithItsCaller(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	began := time.Now()
	_, err := runProcess(ctx, "sleep 60")
	require.Error(t, err)
	require.Less(t, time.Since(began), 10*time.Second)
}

func TestRoutesWithTheSameConfigurationShareACredential(t *testing.T) {
	o := Options{Spec: Spec{Type: AWS, AccessKeyID: "a", SecretAccessKey: "b"}, Region: "r"}
	one := New(o)
	defer one.Close()
	two := New(o)
	defer two.Close()
	require.Same(t, one.shared, two.shared)
	o.SecretAccessKey = "c"
	three := New(o)
	defer three.Close()
	require.NotSame(t, one.shared, three.shared)
}

func TestAWrongClockIsSetRightOnceAndThenTold(t *testing.T) {
	a := New(Options{Spec: Spec{Type: AWS, AccessKeyID: "id", SecretAccessKey: "secret"}, Region: "r", Service: "bedrock"})
	defer a.Close()
	s, err := a.Get(t.Context())
	require.NoError(t, err)
	head := http.Header{"Date": {time.Now().Add(30 * time.Minute).UTC().Format(http.TimeFormat)}}
	e := &llm.Error{Code: llm.Authentication, Type: "InvalidSignatureException", ProviderMessage: "Signature expired: 2026 is now earlier than"}
	require.Same(t, s, a.Refused(t.Context(), s, head, e))
	r, err := http.NewRequest(http.MethodPost, "http://example.com/", nil)
	require.NoError(t, err)
	a.Authorize(r, nil, s)
	signed, err := time.Parse(sigV4Time, r.Header.Get("X-Amz-Date"))
	require.NoError(t, err)
	require.InDelta(t, 30*60, time.Until(signed).Seconds(), 5)
	require.Nil(t, a.Refused(t.Context(), s, head, e))
	require.Contains(t, e.Message, "this machine's clock is 1800 s behind the server's: set the clock")
}
