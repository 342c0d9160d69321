package credential

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// This file reads the files that AWS's programs share, ~/.aws/credentials and
// ~/.aws/config (AWS docs, "Shared config and credentials files").

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
