package credential

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// aws finds AWS's keys where AWS's own SDKs look: in the configuration, the
// environment, the token of a web identity (EKS), the shared files, the
// container's endpoint (ECS, EKS) and that of the machine (EC2).
type aws struct{ Options }

func (a *aws) secrets() []string {
	return []string{a.SecretAccessKey, a.SessionToken, a.getenv("AWS_SECRET_ACCESS_KEY"), a.getenv("AWS_SESSION_TOKEN"), a.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")}
}

// errNone says that a place has no credential, so the next is looked at.
var errNone = errors.New("none")

// none is errNone with the reason.
func none(format string, args ...any) error {
	return fmt.Errorf("%s%w", fmt.Sprintf(format, args...), errNone)
}

func (a *aws) fetch(ctx context.Context) (*Secret, error) {
	if a.AccessKeyID != "" {
		return &Secret{AWS: AWSKeys{a.AccessKeyID, a.SecretAccessKey, a.SessionToken}}, nil
	}
	if a.Profile != "" {
		s, err := a.fromProfile(ctx, a.Profile, true)
		if errors.Is(err, errNone) {
			return nil, llm.Errorf(llm.Authentication, "the AWS profile %s has no credentials: %s", shown.Name(a.Profile), reason(err))
		}
		return s, err
	}
	var looked []string
	for _, place := range []struct {
		name string
		ask  func(context.Context) (*Secret, error)
	}{{"environment", a.fromEnvironment}, {"web identity", a.fromWebIdentity}, {"shared files", a.fromFiles},
		{"container", a.fromContainer}, {"EC2 metadata", a.fromMachine}} {
		s, err := place.ask(ctx)
		if !errors.Is(err, errNone) {
			return s, err
		}
		looked = append(looked, place.name+": "+reason(err))
	}
	return nil, llm.Errorf(llm.Authentication, "no AWS credentials were found (%s); set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \"auth\": {\"type\": \"aws\", …} in the configuration",
		strings.Join(looked, "; "))
}

func reason(err error) string { return strings.TrimSuffix(err.Error(), errNone.Error()) }

func (a *aws) fromEnvironment(context.Context) (*Secret, error) {
	id, secret := a.getenv("AWS_ACCESS_KEY_ID"), a.getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return nil, none("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set")
	}
	return &Secret{AWS: AWSKeys{id, secret, a.getenv("AWS_SESSION_TOKEN")}}, nil
}

// answered are keys as AWS's endpoints and programs give them.
type answered struct {
	Code            string
	Message         string
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string // of endpoints
	SessionToken    string // of programs
	Expiration      string
}

// readKeys reads the answer of an endpoint or a program.
func readKeys(data []byte, from string) (*Secret, error) {
	var k answered
	if err := llm.JSON.Unmarshal(data, &k); err != nil {
		return nil, llm.Errorf(llm.Authentication, "%s did not answer with JSON", from) // which may hold keys: not repeated
	}
	if k.Code != "" && !strings.EqualFold(k.Code, "success") {
		return nil, llm.Errorf(llm.Authentication, "%s gives no keys: %s %s", from, k.Code, k.Message)
	}
	s := &Secret{AWS: AWSKeys{k.AccessKeyID, k.SecretAccessKey, k.Token + k.SessionToken}}
	if s.AWS.ID == "" || s.AWS.Secret == "" {
		return nil, llm.Errorf(llm.Authentication, "%s gives no AccessKeyId or no SecretAccessKey", from)
	}
	for _, text := range []string{s.AWS.ID, s.AWS.Secret, s.AWS.Session} {
		if err := checked("a key of "+from, text); err != nil {
			return nil, err
		}
	}
	if k.Expiration != "" {
		t, err := time.Parse(time.RFC3339, k.Expiration)
		if err != nil {
			return nil, llm.Errorf(llm.Authentication, "%s gives keys whose Expiration is not a time", from)
		}
		s.Expires = t
	}
	return s, nil
}

// What follows reads the files that AWS's programs share, ~/.aws/credentials
// and ~/.aws/config (AWS docs, "Shared config and credentials files").

// profileName is the profile of the environment.
func (o *Options) profileName() (name string, named bool) {
	for _, variable := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		if name = o.getenv(variable); name != "" {
			return name, true
		}
	}
	return "default", false
}

func (a *aws) fromFiles(ctx context.Context) (*Secret, error) {
	name, named := a.profileName()
	s, err := a.fromProfile(ctx, name, named)
	if named && errors.Is(err, errNone) {
		return nil, llm.Errorf(llm.Authentication, "the AWS profile %s, which AWS_PROFILE names, has no credentials: %s", shown.Name(name), reason(err))
	}
	return s, err
}

// Region is the region that the environment or the profile names; "" for none.
func (o *Options) region() string {
	for _, variable := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region := o.getenv(variable); region != "" {
			return region
		}
	}
	name := o.Profile
	if name == "" {
		name, _ = o.profileName()
	}
	profile, err := o.profile(name)
	if err != nil {
		return ""
	}
	return profile["region"]
}

// AWSRegion is the region that the environment, or the profile in AWS's shared
// files, names; "" for none. profile is "" for the environment's.
func AWSRegion(profile string, getenv func(string) (string, bool)) string {
	o := Options{Spec: Spec{Profile: profile}, Getenv: getenv}
	return o.region()
}

// fromProfile gives the keys of a profile.
func (a *aws) fromProfile(ctx context.Context, name string, named bool) (*Secret, error) {
	p, err := a.profile(name)
	if err != nil {
		return nil, err
	}
	switch {
	case p["aws_access_key_id"] != "" && p["aws_secret_access_key"] != "":
		return &Secret{AWS: AWSKeys{p["aws_access_key_id"], p["aws_secret_access_key"], p["aws_session_token"]}}, nil
	case p["web_identity_token_file"] != "" && p["role_arn"] != "":
		return a.assume(ctx, p["web_identity_token_file"], p["role_arn"], p["role_session_name"], "web_identity_token_file of the profile "+name)
	case p["credential_process"] != "":
		return runProcess(ctx, p["credential_process"])
	case p["role_arn"] != "" || p["sso_session"] != "" || p["sso_start_url"] != "" || p["login_session"] != "":
		return nil, llm.Errorf(llm.Authentication, "the AWS profile %s gets its keys by a role, by SSO or by a login, which llmagg does not do itself; "+
			"let AWS's program do it: name another profile, with credential_process = aws configure export-credentials --profile %s --format process", shown.Name(name), shown.Bare(name))
	case len(p) == 0 && named:
		return nil, none("neither ~/.aws/credentials nor ~/.aws/config has the profile")
	}
	return nil, none("no keys for the profile %s", shown.Bare(name))
}

// profile collects what both files say of a profile; the credentials file
// counts more.
func (o *Options) profile(name string) (map[string]string, error) {
	home := cmp.Or(o.getenv("HOME"), o.getenv("USERPROFILE"))
	all := map[string]string{}
	for _, file := range []struct{ variable, name, prefix string }{{"AWS_CONFIG_FILE", "config", "profile "}, {"AWS_SHARED_CREDENTIALS_FILE", "credentials", ""}} {
		path := o.getenv(file.variable)
		if path == "" && home == "" {
			continue
		}
		if path == "" {
			path = filepath.Join(home, ".aws", file.name)
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, llm.Errorf(llm.Authentication, "AWS's shared file cannot be read: %s", shown.File(err))
		}
		section := name
		if name != "default" {
			section = file.prefix + name
		}
		maps.Copy(all, readSection(string(data), section))
	}
	return all, nil
}

// readSection reads one section of an ini file.
func readSection(text, section string) map[string]string {
	values, inside := map[string]string{}, false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed[0] == '[':
			name, _, _ := strings.Cut(trimmed[1:], "]")
			inside = strings.Join(strings.Fields(name), " ") == section
		case inside && line[0] != ' ' && line[0] != '\t': // indented lines belong to a nested setting
			if key, value, found := strings.Cut(trimmed, "="); found {
				value, _, _ = strings.Cut(value, " #")
				values[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
			}
		}
	}
	return values
}

// runProcess runs the program that a profile names and reads the keys that it
// prints (AWS docs, "Sourcing credentials with an external process"). It ends
// with ctx. The package os/exec would be 30 KB of the library.
func runProcess(ctx context.Context, command string) (*Secret, error) {
	failed := func(err error) error {
		return llm.Errorf(llm.Authentication, "credential_process failed (%v); run the command of the profile by hand to see why", err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, failed(err)
	}
	defer out.Close()
	none, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		_ = in.Close() // nothing was written
		return nil, failed(err)
	}
	program, err := os.StartProcess("/bin/sh", []string{"sh", "-c", command}, &os.ProcAttr{Files: []*os.File{none, in, none}})
	_, _ = in.Close(), none.Close() // the program has its own
	if err != nil {
		return nil, failed(err)
	}
	stop := context.AfterFunc(ctx, func() {
		_ = program.Kill() // it may have ended
		_ = out.Close()    // what it has started may hold the other end
	})
	defer stop()
	data, err := io.ReadAll(io.LimitReader(out, mostBytes))
	_ = out.Close() // a program that goes on writing ends by that
	state, waited := program.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, failed(err)
	case errors.Is(waited, syscall.ECHILD) && len(data) > 0: // a host that waits for every child, or for none, had it: what it printed counts
	case waited != nil:
		return nil, failed(waited)
	case !state.Success():
		return nil, failed(errors.New(state.String()))
	}
	return readKeys(data, "credential_process")
}
