#!/bin/sh
# goruntime.sh DIR: what Go's runtime does to the whole process, taken out of it for a library that is a guest there. Writes the edited
# copies of Go's own files, DIR/overlay.json, which names them to `go build -overlay`, and DIR/go, the command that builds with it. The
# tree that Go is installed in stays as it is.
# An edit whose text is no longer there ends the build: then the new text is to be read, and the edit to be written anew.
set -eu
dir=$1
root=$(${GO:-go} env GOROOT)
mkdir -p "$dir"
here=$(cd "$dir" && pwd)
exec 9>"$here/lock"
flock 9 # two makes may run side by side, as in check-deep

# A Go that an older go command downloaded, for the version in go.mod, lies in the module cache. Files there may not be replaced, so
# this Go gets another name.
case $root in
"$(${GO:-go} env GOMODCACHE)"/*)
    ln -sfn "$root" "$here/goroot"
    root=$here/goroot
    printf '#!/bin/sh\nGOTOOLCHAIN=local GOROOT="%s" exec "%s/bin/go" "$@"\n' "$root" "$root" > "$here/go"
    ;;
*) printf '#!/bin/sh\nexec %s "$@"\n' "${GO:-go}" > "$here/go" ;;
esac
chmod +x "$here/go"
pairs=
tree=$root/src # what edit and finish read …
key=$tree      # … and where the build looks for it

# edit FILE N SCRIPT: FILE of Go's sources, of which sed's SCRIPT has to change N lines.
edit() {
    from=$tree/$1
    to=$here/$(echo "$1" | tr / _)
    [ -f "$to.new" ] || cp "$from" "$to.new"
    sed "$3" "$to.new" > "$to.edited"
    changed=$(diff "$to.new" "$to.edited" | grep -c '^>' || true)
    [ "$changed" -eq "$2" ] || {
        echo "packaging/goruntime.sh: $from is not as expected: '$3' changed $changed lines instead of $2; see what that file does now" >&2
        exit 1
    }
    mv "$to.edited" "$to.new"
}

# finish FILE: keeps the time of a file that is as it was, and lists it.
finish() {
    to=$here/$(echo "$1" | tr / _)
    if cmp -s "$to.new" "$to"; then rm "$to.new"; else mv "$to.new" "$to"; fi
    pairs="$pairs${pairs:+,}\"$key/$1\":\"$to\""
}

rm -f "$here"/*.new "$here"/*.edited

# Signals that no fault of the thread itself causes: Go would unblock them in each of its threads and in each thread of the host's that
# calls, where they would run the host's handlers on a goroutine's stack, or miss who waits for them. 34 is glibc's SIGRTMIN, 32 is how it
# cancels a thread.
edit runtime/sigtab_linux_generic.go 1 's|^\(	/\* 16 \*/ {_SigThrow\) + _SigUnblock,|\1,|'
edit runtime/sigtab_linux_generic.go 1 's|^\(	/\* 17 \*/ {_SigNotify\) + _SigUnblock + _SigIgn,|\1 + _SigIgn,|'
edit runtime/sigtab_linux_generic.go 1 's|^\(	/\* 27 \*/ {_SigNotify\) + _SigUnblock,|\1,|'
edit runtime/sigtab_linux_generic.go 1 's|^\(	/\* 32 \*/ {_SigSetStack\) + _SigUnblock,|\1,|'
edit runtime/sigtab_linux_generic.go 1 's|^\(	/\* 34 \*/ {_SigSetStack\) + _SigUnblock,|\1,|'
# SIGURG is the host's: goroutines are preempted where they call functions, not by a signal, and no handler is installed.
edit runtime/sigtab_linux_generic.go 1 's|^\(	/\* 23 \*/ {\)_SigNotify + _SigIgn,|\1_SigSetStack,|'
finish runtime/sigtab_linux_generic.go
edit runtime/signal_unix.go 1 's|^const preemptMSupported = true$|const preemptMSupported = false|'
# A host that ignores SIGPIPE goes on to do so, and so do the programs that it executes: a handler would be their default action.
edit runtime/signal_unix.go 1 's|^	case _SIGHUP, _SIGINT:$|	case _SIGHUP, _SIGINT, _SIGPIPE:|'
finish runtime/signal_unix.go

# Where the process has no thread left, which may be for a moment (a container's limit), Go waits 0.2 s and ends it; here 10 s.
edit runtime/cgo/gcc_libinit.c 1 's|tries < 20; tries++|tries < 140; tries++|'
# Without address space, or without a thread at all, Go ended the process that loads the library: it does not start then, and calls say so
# (capi/fork.c).
edit runtime/cgo/gcc_libinit.c 3 's|^static pthread_cond_t runtime_init_cond = .*$|extern int shim_may_start(void) __attribute__((weak));\nextern void shim_has_not_started(void) __attribute__((weak));\n\n&|'
edit runtime/cgo/gcc_libinit.c 1 's|^	pthread_attr_init(&attr);$|	if (shim_may_start \&\& !shim_may_start()) return;\n&|'
edit runtime/cgo/gcc_libinit.c 4 's|^		fprintf(stderr, "pthread_create failed: %s", strerror(err));$|		if (shim_has_not_started) {\n			shim_has_not_started();\n			return;\n		}\n&|'
finish runtime/cgo/gcc_libinit.c

# What GODEBUG asks of the runtime is printed to stderr (gctrace, schedtrace, ...), and the host's environment is not meant for us. The
# settings of Go's packages, which it may hold as well, count.
edit runtime/runtime1.go 1 's|^	parsegodebug(godebug, nil)$|	_ = godebug|'
# No profile can be asked for: no thread gets the 2 KB to note who allocates or waits, and nobody counts what is allocated.
edit runtime/runtime1.go 1 's|^\(	{name: "profstackdepth", .* def: \)128},$|\10},|'
edit runtime/malloc.go 1 '/^func profilealloc(/,/^}$/s|^	mProf_Malloc(mp, x, size)$||'
edit runtime/malloc.go 1 '/^func nextSample(/,/^}$/s|^	if MemProfileRate == 0 {$|	if true {|'
finish runtime/malloc.go
finish runtime/runtime1.go
# So the traces of the collector and of the scheduler, and the search for finalizers that never run, stay out.
edit runtime/mgc.go 3 's/^\(		*\)if debug.\(gctrace\|checkfinalizers\) > 0 {$/\1if false {/'
# In the place of the profiles of allocations, of which there are none: see unmapText below.
edit runtime/mgc.go 3 's|^	mProf_Flush()$|	if memstats.numgc == 1 {\n		unmapText()\n	}|'
finish runtime/mgc.go
edit runtime/panic.go 1 's/^		if debug.schedtrace > 0 || debug.scheddetail > 0 {$/		if false {/'
finish runtime/panic.go
edit runtime/proc.go 1 's|^		if debug.schedtrace > 0 \&\& lasttrace|		if false \&\& lasttrace|'

# A GOMEMLIMIT that Go cannot read ended the process; it may be meant for nobody in it.
edit runtime/mgcpacer.go 1 's|^		print("GOMEMLIMIT=", p, "\\n")$|		return math.MaxInt64|'
finish runtime/mgcpacer.go

# A GOMAXPROCS far beyond any machine made Go allocate for ever when the library was loaded; more than 1024 counts as left out.
edit runtime/proc.go 1 's/^\(	if n, .*gogetenv("GOMAXPROCS").* n > 0\) {$/\1 \&\& n <= 1024 {/'

# Go's monitor looks at its threads each 20 µs whenever work began anew, and takes the processor of one that is in a system call since the
# look before: mostly one that the kernel had put aside for a thread of the host's. Each look costs two changes of threads, and what was
# taken one more. Chats from Python on one core cost a sixth less CPU with a look each ms; a system call that waits is found 1 ms later.
edit runtime/proc.go 1 's|^			delay = 20$|			delay = 1000|'
edit runtime/proc.go 1 's|^					delay = 20$|					delay = 1000|'
# The code that only the start runs (what packages make of their variables) or only the first calls is not kept mapped: the kernel maps 64 KB
# around each place that is run. After the start, a sixth of these windows is not needed any more, 0.7 MB; after the first garbage collection a sixth
# more. What is needed is mapped again, from the file that is in memory. The text has no relocations; a debugger's breakpoints in Go's functions from
# before are lost. In a program's own file (c-archive) nothing changes.
edit runtime/proc.go 7 's|^// The main goroutine.$|func unmapText() {\n	if islibrary {\n		from := alignUp(firstmoduledata.text, physPageSize)\n		madvise(unsafe.Pointer(from), alignDown(firstmoduledata.etext, physPageSize)-from, _MADV_DONTNEED)\n	}\n}\n\n&|'
edit runtime/proc.go 1 's|^	inittrace.active = false$|&\n	unmapText()|'
finish runtime/proc.go

# Whether a new goroutine is one of the runtime's own: a function behind the runtime's says that it is not. Its name says it, too, but names
# are 0.1 MB that nothing else reads.
edit runtime/traceback.go 3 's|^func isSystemGoroutine(.*{$|&\n	if gp.startpc > abi.FuncPCABI0(goexit) {\n		return false\n	}|'
finish runtime/traceback.go

# The soft limit of descriptors is the host's, and its children's.
edit syscall/rlimit.go 1 's|^func init() {$|func raiseRlimitNofile() {|'
finish syscall/rlimit.go

# Every logger of the library tells the host (capi/log.go). Go's own default logger would write to the host's stderr; without it, its
# handlers, and encoding/json behind them, are not linked in.
edit log/slog/logger.go 1 's|^	loginternal "log/internal"$|	_ "log/internal"|'
edit log/slog/logger.go 1 's|^	defaultLogger.Store(New(newDefaultHandler(loginternal.DefaultOutput)))$|	defaultLogger.Store(New(DiscardHandler))|'
finish log/slog/logger.go

# What follows is what the linker cannot see: branches that no setting of the library's reaches, with all the code behind them. A branch
# that could be asked for fails.
# Encrypted Client Hello, and HPKE behind it: no tls.Config has keys for it, neither that of calls nor the test server's.
edit crypto/tls/handshake_client.go 1 's|^	if c.config.EncryptedClientHelloConfigList != nil {$|&\n		return nil, nil, nil, errors.ErrUnsupported|'
finish crypto/tls/handshake_client.go
edit crypto/tls/handshake_server.go 2 's/^	if len(clientHello.encryptedClientHello) != 0 {$/	if c.config.EncryptedClientHelloKeys != nil || c.config.GetEncryptedClientHelloKeys != nil {\n		return nil, nil, errors.ErrUnsupported/'
finish crypto/tls/handshake_server.go
# HTTP/1.1 in net/http's server, which the test server has for connections that negotiated HTTP/2 only, and the default handler.
edit net/http/server.go 1 's|^	// HTTP/1.x from here on.$|	return|'
edit net/http/server.go 1 's|^		handler = DefaultServeMux$|		return|'
# A connection's last answer of HTTP/1.1, which keeps the type with its methods alive: nothing is kept.
edit net/http/server.go 6 's|^type conn struct {$|type noResponse struct{}\n\nfunc (noResponse) Store(*response) {}\n\nfunc (noResponse) Load() *response { return nil }\n\n&|'
edit net/http/server.go 1 's|^	curReq atomic.Pointer\[response\]|	curReq noResponse|'
finish net/http/server.go
edit net/http/h2_bundle.go 1 's|^	return DefaultServeMux$|	return nil|'
# Frames that GODEBUG=http2debug asks to be printed to stderr, and pushes to clients, which no test server makes.
edit net/http/h2_bundle.go 5 's|^	http2VerboseLogs    bool$|)\n\nconst http2VerboseLogs = false\n\nvar (|'
edit net/http/h2_bundle.go 2 's|^		http2VerboseLogs = true$||'
edit net/http/h2_bundle.go 1 's|^func (w \*http2responseWriter) Push(.*{$|&\n	return ErrNotSupported|'
edit net/http/h2_bundle.go 1 's|^				sc.startPush(v)$|				panic("pushed")|'
edit net/http/h2_bundle.go 2 's/^	if \(fr.logReads\|f.logWrites\) {$/	if false {/'
# Requests that came by HTTP/1.1 and asked for HTTP/2: the test server never takes them.
edit net/http/h2_bundle.go 1 's|^		sc.upgradeRequest(opts.UpgradeRequest)$|		return|'
# A stream's window beyond 2^31-1, which a server may ask for, locked the connection twice: its calls hung for ever, beyond any deadline.
edit net/http/h2_bundle.go 1 '/^func (rl \*http2clientConnReadLoop) processWindowUpdate(/,/^}$/s|^			rl.endStreamError(cs, http2StreamError{$|			cs.readAborted = true; cs.abortStreamLocked(http2StreamError{|'
finish net/http/h2_bundle.go
# Headers are sorted by a function of their own, as fast for the few that there are; slices.SortFunc is compiled anew for each type.
edit net/http/header.go 1 's|^	"slices"$||'
edit net/http/header.go 5 's|^	slices.SortFunc(hs.kvs, func(a, b keyValues) int { return strings.Compare(a.key, b.key) })$|	for i := range kvs {\n		for k := i; k > 0 \&\& kvs[k].key < kvs[k-1].key; k-- {\n			kvs[k], kvs[k-1] = kvs[k-1], kvs[k]\n		}\n	}|'
finish net/http/header.go
# Directories of certificates, whose order means nothing, and SETs of ASN.1, of which a certificate that is written has one element.
edit crypto/x509/root_unix.go 6 's|^	files, err := os.ReadDir(dir)$|	f, err := os.Open(dir)\n	if err != nil {\n		return nil, err\n	}\n	defer f.Close()\n	files, err := f.ReadDir(-1)|'
finish crypto/x509/root_unix.go
edit encoding/asn1/marshal.go 1 's|^	"slices"$||'
edit encoding/asn1/marshal.go 5 's|^	slices.SortFunc(l, bytes.Compare)$|	for i := range l {\n		for k := i; k > 0 \&\& bytes.Compare(l[k], l[k-1]) < 0; k-- {\n			l[k], l[k-1] = l[k-1], l[k]\n		}\n	}|'
finish encoding/asn1/marshal.go
# Errors that wrap several others, of which there are few, likewise.
edit fmt/errors.go 1 's|^	"slices"$||'
edit fmt/errors.go 5 's|^			slices.Sort(p.wrappedErrs)$|			for i, e := 0, p.wrappedErrs; i < len(e); i++ {\n				for k := i; k > 0 \&\& e[k] < e[k-1]; k-- {\n					e[k], e[k-1] = e[k-1], e[k]\n				}\n			}|'
finish fmt/errors.go
# Types of files by their names, for which package mime reads the machine's lists: nobody asks for one.
edit mime/type_unix.go 1 's|^	osInitMime = initMimeUnix$||'
finish mime/type_unix.go
# What the runtime's metrics mean, in words.
edit runtime/metrics/description.go 1 's|^func init() {$|func describeSettings() {|'
finish runtime/metrics/description.go
# Files and connections that are copied to each other within the kernel, and time zones in a zip file that Go's own tree has.
edit os/zero_copy_linux.go 2 's/^func (f \*File) \(writeTo\|readFrom\)(.*{$/&\n	return 0, false, nil/'
finish os/zero_copy_linux.go
edit net/splice_linux.go 2 's/^func splice\(From\|To\)(.*{$/&\n	return 0, nil, false/'
finish net/splice_linux.go
edit net/sendfile.go 1 's/^func sendFile(.*{$/&\n	return 0, nil, false/'
finish net/sendfile.go
edit time/zoneinfo_read.go 1 's|^	if len(dir) > 4 \&\& dir\[len(dir)-4:\] == ".zip" {$|&\n		return nil, syscall.ENOENT|'
finish time/zoneinfo_read.go
# Addresses of a name, and maps that fmt prints, by the one stable sort that the library has anyhow.
for file in net/addrselect.go internal/fmtsort/sort.go; do edit $file 1 's|^	"slices"$|	"sort"|'; done
edit net/addrselect.go 1 's|^	slices.SortStableFunc(addrInfos, compareByRFC6724)$|	sort.SliceStable(addrInfos, func(i, k int) bool { return compareByRFC6724(addrInfos[i], addrInfos[k]) < 0 })|'
finish net/addrselect.go
edit internal/fmtsort/sort.go 2 '/^	slices.SortStableFunc(sorted, func(a, b KeyValue) int {$/,/^	})$/{s|^	slices.*|	sort.SliceStable(sorted, func(i, k int) bool {|;s|^		return compare(a.Key, b.Key)$|		return compare(sorted[i].Key, sorted[k].Key) < 0|}'
finish internal/fmtsort/sort.go
# Constraints on names in certificates likewise, which Go has a file for since 1.26.
if [ -f "$tree/crypto/x509/constraints.go" ]; then
    edit crypto/x509/constraints.go 1 '/^	"slices"$/a\	"sort"'
    edit crypto/x509/constraints.go 1 's|^	slices.SortFunc(nc.set, cmp)$|	sort.SliceStable(nc.set, func(i, k int) bool { return cmp(nc.set[i], nc.set[k]) < 0 })|'
    finish crypto/x509/constraints.go
fi
# Suites with 3DES and RC4, which no tls.Config of ours names; by themselves only GODEBUG=tls3des=1 offers 3DES.
edit crypto/tls/cipher_suites.go 5 's/^	{TLS_.*, cipher\(3DES\|RC4\), macSHA1, nil},$//'
finish crypto/tls/cipher_suites.go
# Levels of compression other than that of gzip.NewWriter, the test server's.
edit compress/flate/deflate.go 2 's/^	case level == \(HuffmanOnly\|BestSpeed\):$/&\n		return errors.ErrUnsupported/'
finish compress/flate/deflate.go
# Tunnels through proxies and the environment's proxies in net/http's transport: core/transport has its own.
edit net/http/transport.go 1 's/^	case cm.proxyURL.Scheme == "socks5" || cm.proxyURL.Scheme == "socks5h":$/&\n		return nil, errors.ErrUnsupported/'
edit net/http/transport.go 1 's/^	case cm.targetScheme == "https":$/&\n		return nil, errors.ErrUnsupported/'
edit net/http/transport.go 1 's|^	Proxy: ProxyFromEnvironment,$|	Proxy: nil,|'
finish net/http/transport.go
# Hooks of an application's own around those of a request: only Go programs have them.
edit net/http/httptrace/trace.go 1 's|^	trace.compose(old)$|	_ = old|'
finish net/http/httptrace/trace.go
# A GODEBUG for certain call stacks (name=value#pattern), which is printed to stderr, counts for all.
edit internal/godebug/godebug.go 1 's|^	if v.bisect != nil \&\& !v.bisect.Stack(\&stderr) {$|	if false {|'
edit internal/godebug/godebug.go 1 's|^							v.bisect, _ = bisect.New(arg\[j+1:\])$|							|'
finish internal/godebug/godebug.go
# The execution tracer, which runtime/trace starts: nothing of the library does, and no host can. 95 KB; C chats and Python's streams and chats cost as before.
edit runtime/traceruntime.go 3 's/^	return trace\.\(enabled\|enabledWithAllocFree\|shutdown.Load()\)$/	return false/'
edit runtime/traceruntime.go 1 's|^	return tl.gen != 0$|	return false|'
finish runtime/traceruntime.go
edit runtime/mheap.go 1 's|^		if traceAllocFreeEnabled() {$|		if false {|'
finish runtime/mheap.go

# The client of fleets' stores. Its files lie in the module cache as well: go.mod, as the build sees it, has them in a folder that is not
# there, packaging/valkey-go, so that no path of this machine gets into the library.
if [ "${FLEET:-0}" != 0 ]; then
    ${GO:-go} mod download github.com/valkey-io/valkey-go
    valkey=$(${GO:-go} list -m -f '{{.Dir}}' github.com/valkey-io/valkey-go)
    tree=$valkey key=$(pwd)/packaging/valkey-go
    # Servers older than Redis 6 do not know HELLO: package regexp and Unicode's tables were linked in for that, 250 KB. The other
    # expression finds availability zones, which no option of ours asks for.
    for file in pipe.go message.go valkey.go ring.go; do edit $file 1 '1s|^|// Changed for the library of llmagg, by packaging/goruntime.sh.\n|'; done
    edit pipe.go 1 's|^	"regexp"$||'
    edit pipe.go 1 's/^	noHello = regexp.MustCompile("unknown command .?(HELLO|hello).?")$/	noHello greeting = "unknown command "/'
    edit pipe.go 1 's|^	infoAZ  = regexp.MustCompile.*$||'
    edit pipe.go 2 's|if sm := infoAZ.FindStringSubmatch(infoStr); len(sm) > 1 {$|if sm := []string{infoStr}; len(sm) > 1 {|'
    edit pipe.go 7 's/^type wire interface {$/type greeting string\n\nfunc (g greeting) MatchString(s string) bool {\n	_, of, _ := strings.Cut(s, string(g))\n	return strings.Contains(of, "HELLO") || strings.Contains(of, "hello")\n}\n\n&/'
    # What a client keeps of answers: ours keeps none (DisableCache).
    edit pipe.go 1 's|^			cacheStoreFn = newLRU$|			return nil, errors.ErrUnsupported|'
    finish pipe.go
    # Answers as JSON text, for people: package encoding/json, 100 KB.
    edit message.go 1 's|^	v, _ := (\*prettyValkeyMessage)(m).MarshalJSON()$|	v := "ValkeyMessage"|'
    edit message.go 2 's|^	return json.Marshal(obj)$|	return nil, errors.ErrUnsupported|'
    finish message.go
    # Padding to the length of a cache line, for which golang.org/x/sys/cpu looks at the processor once more: 8 KB.
    edit ring.go 1 's|^	"golang.org/x/sys/cpu"$||'
    edit ring.go 2 's|^	_     cpu.CacheLinePad$|	_     [64]byte|'
    finish ring.go
    # A primary that names another one by REDIRECT, and its replicas: a fleet has one server, sentinels or a cluster.
    edit valkey.go 2 's/^	if \(option.Standalone.EnableRedirect\|len(option.Standalone.ReplicaAddress) > 0\) {$/&\n		return nil, errors.ErrUnsupported/'
    finish valkey.go
    for file in go.mod $(cd "$valkey" && find . -name '*.go' ! -name '*_test.go' | cut -c3-); do
        case $pairs in *"\"$key/$file\""*) ;; *) pairs="$pairs,\"$key/$file\":\"$valkey/$file\"" ;; esac
    done
    sed '1s|^|replace github.com/valkey-io/valkey-go => ./packaging/valkey-go\n|' go.mod > "$here/main.mod.new"
    if cmp -s "$here/main.mod.new" "$here/main.mod"; then rm "$here/main.mod.new"; else mv "$here/main.mod.new" "$here/main.mod"; fi
    pairs="$pairs,\"$(pwd)/go.mod\":\"$here/main.mod\""
fi

printf '{"Replace":{%s}}\n' "$pairs" > "$here/overlay.new"
if cmp -s "$here/overlay.new" "$here/overlay.json"; then rm "$here/overlay.new"; else mv "$here/overlay.new" "$here/overlay.json"; fi
