# The C library: shared, static, installed. Included by the Makefile at the root; every path is relative to that.

GO            ?= go
CC            ?= cc
CXX           ?= c++
PREFIX        ?= /usr/local
override PREFIX := $(if $(filter /%,$(firstword $(PREFIX))),$(PREFIX),$(CURDIR)/$(PREFIX))
INCLUDEDIR    ?= $(PREFIX)/include
LIBDIR        ?= $(PREFIX)/lib
DOCDIR        ?= $(PREFIX)/share/doc/llmagg
DATADIR       ?= $(PREFIX)/share/llmagg
DESTDIR       ?=
BUILD         ?= build

LIB_VERSION   := $(shell sed -n 's/^.define LLMAGG_VERSION "\(.*\)"/\1/p' include/llmagg.h)
LIB_SOVERSION := $(shell sed -n 's/^.define LLMAGG_ABI_VERSION \([0-9]*\)/\1/p' include/llmagg.h)
LIB_SOURCES   := $(shell find core capi include -name '*.go' ! -name '*_test.go' -o -name '*.[ch]') go.mod go.sum packaging/llmagg.map packaging/build.mk packaging/goruntime.sh

# The pure Go resolver: a name look-up must not take a thread of the host's. No build id and no paths: two builds in two folders
# are the same bytes.
# Packages that no call on an open connection runs (certificates, names, dialling, configurations, credentials, the test server,
# handshakes, reflection over JSON), and formats in which a call waits for its JSON anyhow, are compiled without inlining: 670 KB.
# Reading 150 root certificates, once a process, takes 0.6 ms longer; a handshake's CPU did not measurably change. The last three lines of
# them are 12 KB: Python's chats, streams and blocking calls cost 0.995, 0.947 and 1.004 of before (medians of 9, 21 and 15 pairs side by side).
# core/llm is among them, core/client is not: the other way round the library has 20 KB more, and Python's chats, streams and
# blocking calls cost the same (1.000, 0.991 and 1.001, medians of 40, 40 and 120 pairs side by side).
LIB_COLD      := $(addprefix github.com/llmagg/llmagg/,capi core/faultwall) crypto/x509 crypto/x509/pkix encoding/asn1 vendor/golang.org/x/crypto/cryptobyte \
                 crypto/hpke crypto/ecdsa crypto/elliptic crypto/rsa math/big vendor/golang.org/x/net/dns/dnsmessage vendor/golang.org/x/net/idna \
                 vendor/golang.org/x/text/unicode/norm vendor/golang.org/x/text/unicode/bidi golang.org/x/net/internal/socks net mime log/slog \
                 crypto/tls fmt reflect net/url net/textproto mime/multipart mime/quotedprintable sort html path path/filepath encoding/pem encoding/hex \
                 time syscall vendor/golang.org/x/net/http2/hpack vendor/golang.org/x/crypto/chacha20poly1305 vendor/golang.org/x/crypto/chacha20 log crypto/sha3 crypto/des crypto/md5 compress/zlib internal/bisect internal/godebug \
                 crypto/ecdh $(addprefix crypto/internal/fips140/,nistec/fiat bigmod sha3 ecdh edwards25519/field rsa ecdsa nistec ed25519 edwards25519 drbg hmac mlkem tls12 tls13) crypto/cipher crypto/sha1 compress/gzip unique golang.org/x/net/http/httpproxy \
                 github.com/json-iterator/go github.com/modern-go/reflect2 encoding/json $(addprefix github.com/valkey-io/valkey-go,/internal/cmds /internal/util) github.com/valkey-io/valkey-go regexp regexp/syntax \
                 $(addprefix github.com/llmagg/llmagg/core/,cache credential fleet fleet/valkey meter config vendor provider manager aggregator breaker rate internal/setting internal/shown internal/suggest strategy price transport failure wire wire/bedrock wire/ollama wire/responses wire/gemini wire/anthropic wire/awsstream llm) \
                 $(addprefix crypto/internal/fips140/,sha512 hkdf check aes aes/gcm subtle) crypto/internal/sysrand crypto/internal/entropy/v1.0.0 crypto/internal/fips140cache crypto/aes crypto/subtle crypto/hmac \
                 crypto/ed25519 crypto/rand crypto/hkdf crypto/mlkem crypto/dsa crypto/rc4 vendor/golang.org/x/crypto/cryptobyte/asn1 $(addprefix vendor/golang.org/x/text/,secure/bidirule transform) \
                 internal/singleflight golang.org/x/net/proxy log/slog/internal/buffer strconv
# FLEET=1 adds core/fleet/valkey, the store of fleets in Valkey or Redis, and with it core/fleet: 560 KB. Wheels have it. Its commands that nobody calls are not
# linked in (17 KB of them are): the size is that of valkey-go's connections, cluster and sentinel. What valkey-go needs of regexp, with
# Unicode's tables, and of encoding/json stays out (packaging/goruntime.sh): 380 KB.
FLEET         ?= 0
comma         := ,
LIB_TAGS      := netgo,osusergo$(if $(filter-out 0,$(FLEET)),$(comma)fleet)
LIB_GOFLAGS   := -trimpath -buildvcs=false -tags $(LIB_TAGS) $(LIB_COLD:%=-gcflags=%=-l)
# Functions begin where the one before ends (arm64 allows multiples of 4 bytes only), and not at multiples of 16: 98 KB less, 20 of them
# against 4. Python's chats, streams and blocking calls cost 0.996, 0.998 and 1.012 of those with 4, C chats and Python streams with 4
# 1.007 and 0.988 of those with 16 (medians of 40 and of 48 pairs side by side).
LIB_FUNCALIGN  = $(if $(filter amd64 386,$(shell $(GO) env GOARCH)),1,4)
LIB_SONAME    := libllmagg.so.$(LIB_SOVERSION)
LIB_LDFLAGS    = -s -w -buildid= -funcalign=$(LIB_FUNCALIGN) -extldflags '-Wl,-soname,$(LIB_SONAME) "-Wl,--version-script,$(CURDIR)/packaging/llmagg.map" -Wl,--build-id=none -Wl,-s -Wl,-z,relro,-z,now $(LIB_RELR)'

# Relative relocations in a bitmap (DT_RELR): 1 MB less to keep and to read at each start. The dynamic linker of glibc knows them
# since 2.36, so they are used where the C library that is built for is as new and the linker can write them.
LIB_RELR_FLAG := -Wl,-z,pack-relative-relocs
LIB_RELR       = $(shell printf '\043include <features.h>\n\043if !defined __GLIBC__ || (__GLIBC__ == 2 && __GLIBC_MINOR__ < 36)\n\043error\n\043endif\n' | \
	$(CC) -shared -x c - -o /dev/null $(LIB_RELR_FLAG) -Wl,--fatal-warnings 2>/dev/null && echo '$(LIB_RELR_FLAG)')

# What Go's runtime would do to the host is edited out of it. The files are written anew only where they changed.
LIB_OVERLAY   := $(BUILD)/_goruntime/overlay.json
LIB_GO        := $(BUILD)/_goruntime/go

$(LIB_OVERLAY): FORCE
	@GO="$(GO)" FLEET="$(FLEET)" sh packaging/goruntime.sh $(BUILD)/_goruntime

.PHONY: lib static shim install licenses abi-dump FORCE

lib: $(BUILD)/libllmagg.so ## build build/libllmagg.so, the shared library

static: $(BUILD)/libllmagg.a ## build build/libllmagg.a, the static library

$(BUILD)/libllmagg.so: $(LIB_SOURCES) $(LIB_OVERLAY)
	@mkdir -p $(BUILD)
	@printf '\043include <stdlib.h>\n\043ifndef __GLIBC__\n\043error\n\043endif\n' | $(CC) -E -x c - >/dev/null 2>&1 || \
		{ echo "llmagg: the C library of '$(CC)' is not glibc, or it cannot compile: musl cannot load Go shared libraries (golang/go issue 13492); use glibc, or 'make static'" >&2; exit 1; }
	CGO_ENABLED=1 $(LIB_GO) build -overlay $(LIB_OVERLAY) -buildmode=c-shared $(LIB_GOFLAGS) -ldflags "$(subst ",\",$(LIB_LDFLAGS))" -o $@ ./capi
	@rm -f $(BUILD)/libllmagg.h
	@ln -sf libllmagg.so $(BUILD)/libllmagg.so.$(LIB_SOVERSION)

# The Go compiler's archive, made into one object whose only global names are the header's.
$(BUILD)/libllmagg.a: $(LIB_SOURCES) $(LIB_OVERLAY)
	@mkdir -p $(BUILD)/static
	CGO_ENABLED=1 $(LIB_GO) build -overlay $(LIB_OVERLAY) -buildmode=c-archive $(LIB_GOFLAGS) -ldflags "-s -w -buildid= -funcalign=$(LIB_FUNCALIGN)" -o $(BUILD)/static/go.a ./capi
	$(CC) -r -nostdlib -Wl,--whole-archive $(BUILD)/static/go.a -Wl,--no-whole-archive -Wl,-d -Wl,--build-id=none -o $(BUILD)/static/llmagg.o
	objcopy --wildcard --keep-global-symbol='llmagg_*' $(BUILD)/static/llmagg.o
	objcopy --strip-debug $(BUILD)/static/llmagg.o
	@rm -f $@
	ar rcsD $@ $(BUILD)/static/llmagg.o
	@rm -rf $(BUILD)/static

install: lib static ## install header, libraries, pkg-config file and CMake package (PREFIX=, DESTDIR=)
	install -d '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(LIBDIR)/cmake/llmagg'
	install -d '$(DESTDIR)$(DOCDIR)'
	install -m 644 LICENSE bindings/python/THIRD_PARTY_LICENSES.txt '$(DESTDIR)$(DOCDIR)'
	install -d '$(DESTDIR)$(DATADIR)'
	install -m 644 core/price/shipped/prices.json '$(DESTDIR)$(DATADIR)/prices.json'
	install -m 644 include/llmagg.h '$(DESTDIR)$(INCLUDEDIR)/llmagg.h'
	install -m 644 examples/cpp/llmagg.hpp '$(DESTDIR)$(INCLUDEDIR)/llmagg.hpp'
	install -m 755 $(BUILD)/libllmagg.so '$(DESTDIR)$(LIBDIR)/libllmagg.so.$(LIB_VERSION)'
	ln -sf libllmagg.so.$(LIB_VERSION) '$(DESTDIR)$(LIBDIR)/libllmagg.so.$(LIB_SOVERSION)'
	ln -sf libllmagg.so.$(LIB_SOVERSION) '$(DESTDIR)$(LIBDIR)/libllmagg.so'
	install -m 644 $(BUILD)/libllmagg.a '$(DESTDIR)$(LIBDIR)/libllmagg.a'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(LIB_VERSION)|' \
		packaging/llmagg.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/llmagg.pc'
	sed -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@SOVERSION@|$(LIB_SOVERSION)|' \
		packaging/llmaggConfig.cmake.in > '$(DESTDIR)$(LIBDIR)/cmake/llmagg/llmaggConfig.cmake'
	sed -e 's|@VERSION@|$(LIB_VERSION)|' -e 's|@MAJOR@|$(word 1,$(subst ., ,$(LIB_VERSION)))|' -e 's|@MINOR@|$(word 2,$(subst ., ,$(LIB_VERSION)))|' \
		packaging/llmaggConfigVersion.cmake.in > '$(DESTDIR)$(LIBDIR)/cmake/llmagg/llmaggConfigVersion.cmake'

shim: ## write the public functions of the C ABI anew, from the header and tests/capi/functions.def
	$(PYTHON3) packaging/shim.py

licenses: ## write the list of what is linked in, with licences, anew
	GO="$(GO)" sh packaging/licenses.sh > $(BUILD)/licenses.txt
	mv $(BUILD)/licenses.txt bindings/python/THIRD_PARTY_LICENSES.txt

abi-dump: ## write the dump of the C ABI that releases are held against (only as CONTRIBUTING.md says)
	CC="$(CC)" GO="$(GO)" sh packaging/abi/dump.sh packaging/abi/$(LIB_SONAME).abi
