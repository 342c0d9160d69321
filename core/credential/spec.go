package credential

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// The types of credentials that a configuration may name.
const (
	AWS    = "aws"
	Google = "google"
	Entra  = "entra"

	Function = "function" // of the application
)

var types = []string{AWS, Google, Entra, Function}

// Types lists the types for a message.
func Types() string { return strings.Join(types, ", ") }

// Spec is what a configuration says of a credential.
type Spec = config.Auth

// Check returns INVALID_ARGUMENT for a specification that cannot be right;
// where names the model.
func Check(s *Spec, where string) error {
	if *s == (Spec{}) {
		return nil
	}
	if !slices.Contains(types, s.Type) {
		return llm.Errorf(llm.InvalidArgument, "%s: \"auth\" has the type %s; expected %s", where, shown.Name(s.Type), Types())
	}
	all := map[string]map[string]string{ // what each type reads
		AWS:      {"access_key_id": s.AccessKeyID, "secret_access_key": s.SecretAccessKey, "session_token": s.SessionToken, "profile": s.Profile},
		Function: {"name": s.Name},
		Google:   {"credentials": s.Credentials, "scope": s.Scope},
		Entra:    {"tenant_id": s.TenantID, "client_id": s.ClientID, "client_secret": s.ClientSecret, "token_file": s.TokenFile, "scope": s.Scope},
	}
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		for _, name := range slices.Sorted(maps.Keys(all[kind])) {
			value := all[kind][name]
			if _, own := all[s.Type][name]; value != "" && kind != s.Type && !own {
				return llm.Errorf(llm.InvalidArgument, "%s: \"auth\" has %q, which belongs to the type %q; its type is %q", where, name, kind, s.Type)
			}
			if strings.TrimSpace(value) != value {
				return llm.Errorf(llm.InvalidArgument, "%s: \"auth.%s\" begins or ends with white space; remove it", where, name)
			}
		}
	}
	switch {
	case (s.AccessKeyID == "") != (s.SecretAccessKey == ""):
		return llm.Errorf(llm.InvalidArgument, "%s: \"auth\" needs both access_key_id and secret_access_key, or neither", where)
	case s.Type == Function && s.Name == "":
		return llm.Errorf(llm.InvalidArgument, "%s: \"auth\" needs the name of the application's function", where)
	case s.ClientSecret != "" && s.TokenFile != "":
		return llm.Errorf(llm.InvalidArgument, "%s: \"auth\" has client_secret and token_file; expected one of them", where)
	case s.AccessKeyID != "" && s.Profile != "":
		return llm.Errorf(llm.InvalidArgument, "%s: \"auth\" has access_key_id and profile; expected one of them", where)
	}
	return nil
}

// variables of the environment that decide where a credential comes from:
// routes share a credential only if these have the same values.
var variables = map[string][]string{
	AWS: {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "HOME", "USERPROFILE"},
	Google: {googleVariable, "CLOUDSDK_CONFIG", "GCE_METADATA_HOST", "HOME", "APPDATA"},
	Entra: {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
		"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_POD_IDENTITY_AUTHORITY_HOST"},
}

// key is the same for options that lead to the same credential.
func (o *Options) key() string {
	parts := []any{o.Spec, o.Proxy, o.CAFile, o.ConnectTimeout, o.OnSocket != nil}
	switch o.Type {
	case AWS:
		parts = append(parts, o.Region) // STS is asked there
	case Entra:
		parts = append(parts, o.Service) // the cloud that is asked
	}
	if o.Functions != nil {
		parts = append(parts, fmt.Sprintf("%p", o.Functions))
	}
	for _, name := range variables[o.Type] {
		parts = append(parts, o.getenv(name))
	}
	return string(llm.JSONOf(parts))
}

// source is where the credential comes from.
func (o *Options) source() source {
	switch o.Type {
	case Google:
		return &google{Options: *o}
	case Entra:
		return &entra{*o}
	case Function:
		return function(func(ctx context.Context) (string, time.Time, error) { return o.Functions.Get(ctx, o.Name) })
	}
	return &aws{*o}
}

// Functions are the application's functions, by the names that configurations
// give them. Routes share the token of a name.
type Functions struct {
	Get func(ctx context.Context, name string) (token string, expires time.Time, err error)
}

// function is a source that the application wrote.
type function func(ctx context.Context) (token string, expires time.Time, err error)

func (f function) fetch(ctx context.Context) (*Secret, error) {
	token, expires, err := f(ctx)
	var e *llm.Error
	if err != nil && !errors.As(err, &e) && !errors.Is(err, context.DeadlineExceeded) {
		err = &llm.Error{Code: llm.Unavailable, Message: "the application's function gave no token: " + err.Error(), Cause: err}
	}
	if err == nil {
		err = llm.CheckCredential("the application's token", token)
	}
	if err != nil {
		return nil, err
	}
	return &Secret{Token: token, Expires: expires}, nil
}

func (f function) secrets() []string { return nil }
