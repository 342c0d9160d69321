// Command server is the provider that every contestant of the benchmark asks:
// the same bytes for everybody, at as little cost as can be.
//
//	POST /v1/chat/completions         a completion, or with "stream":true its 202 events, as fast as the client takes them
//	POST /v1/embeddings               a vector of 1536 numbers for each text
//	POST /paced/N/v1/chat/completions the completion, or a stream of N events, one each 500 ms, that tell when they were sent
//
// Plain HTTP is one thread around epoll (loop.go). TLS is net/http (tls.go),
// on one port with HTTP/1.1 and on another with HTTP/2. It prints its
// addresses as one line of JSON and ends with its standard input.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"syscall"
)

// addresses is the line that the server prints.
type addresses struct {
	HTTP  string `json:"http"`  // base URL of /v1
	Root  string `json:"root"`  // what the base URLs of the other wire formats begin with
	Paced string `json:"paced"` // base URL of /paced; a stream's number of events and /v1 follow
	TLS1  string `json:"tls1"`  // base URL of /v1 over TLS with HTTP/1.1
	TLS2  string `json:"tls2"`  // base URL of /v1 over TLS with HTTP/2
	CA    string `json:"ca"`    // PEM file with the certificate
}

func main() {
	log.SetFlags(0)
	port := flag.Int("port", 0, "port of plain HTTP; 0: any")
	ca := flag.String("ca", "ca.pem", "file to write the certificate to")
	daemon := flag.Bool("daemon", false, "do not end with standard input")
	flag.Parse()
	log.Fatal("server: ", run(*port, *ca, *daemon))
}

// run serves until something fails.
func run(port int, ca string, daemon bool) error {
	raiseFileLimit()
	l, err := newLoop(port)
	if err != nil {
		return err
	}
	tls1, tls2, err := serveTLS(ca)
	if err != nil {
		return err
	}
	root := fmt.Sprintf("http://127.0.0.1:%d", l.port)
	line, err := json.Marshal(addresses{HTTP: root + "/v1", Root: root, Paced: root + "/paced", TLS1: tls1, TLS2: tls2, CA: ca})
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	if !daemon {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0) // whoever started the server is gone
		}()
	}
	runtime.LockOSThread()
	return l.serve()
}

// raiseFileLimit makes room for 10,000 connections.
func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // accept tells when it was not enough
	}
}
