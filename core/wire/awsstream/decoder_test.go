package awsstream

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/wire/eventstream"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	require.NoError(t, err)
	return data
}

// message encodes a message with headers of the string type.
func message(payload string, headers ...string) []byte {
	var head []byte
	for i := 0; i < len(headers); i += 2 {
		head = append(append(head, byte(len(headers[i]))), headers[i]...)
		head = binary.BigEndian.AppendUint16(append(head, typeString), uint16(len(headers[i+1])))
		head = append(head, headers[i+1]...)
	}
	data := binary.BigEndian.AppendUint32(nil, uint32(frameBytes+len(head)+len(payload)))
	data = binary.BigEndian.AppendUint32(data, uint32(len(head)))
	data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(data))
	data = append(append(data, head...), payload...)
	return binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(data))
}

const oneHeader = "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b27666f6f273a27626172277d8d9c08b1"

// The vectors that AWS publishes with its event stream libraries.
func TestPublishedVectors(t *testing.T) {
	const payload = "{'foo':'bar'}"
	for name, c := range map[string]struct{ encoded, payload string }{
		"empty_message":          {"000000100000000005c248eb7d98c8ff", ""},
		"payload_no_headers":     {"0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936", payload},
		"payload_one_str_header": {oneHeader, payload},
		"int32_header":           {"0000002d0000001041c424b80a6576656e742d74797065040000a00c7b27666f6f273a27626172277d36f480a0", payload},
		"all_headers": {"000000cc000000af0fae64ca0a6576656e742d74797065040000a00c0c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e" +
			"0a626f6f6c2066616c73650109626f6f6c207472756500046279746502cf08627974652062756606001449276d2061206c6974746c6520746561706f742109" +
			"74696d657374616d70080000000000845fed05696e74313603002a05696e7436340500000000028757b20475756964090102030405060708090a0b0c0d0e0f10" +
			"7b27666f6f273a27626172277daba5f10c", payload},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(iotest.OneByteReader(bytes.NewReader(unhex(t, c.encoded))), eventstream.Limits{})
			ev, err := d.Next()
			require.NoError(t, err)
			require.Equal(t, c.payload, string(ev.Data))
			_, err = d.Next()
			require.Equal(t, io.EOF, err)
		})
	}
	for name, encoded := range map[string]string{
		"corrupted_length":     "0000003e" + oneHeader[8:],
		"corrupted_header_len": oneHeader[:8] + "00000021" + oneHeader[16:],
		"corrupted_headers":    "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b61666f6f273a27626172277d8d9c08b1",
		"corrupted_payload":    "0000001d00000000fd528c5a5b27666f6f273a27626172277dc3653936",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewDecoder(bytes.NewReader(unhex(t, encoded)), eventstream.Limits{}).Next()
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "checksum")
		})
	}
}

func TestAnExceptionIsAnErrorOfItsType(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"exception": {message(`{"message":"slow down"}`, ":message-type", "exception", ":exception-type", "throttlingException"), `{"__type":"throttlingException","message":"slow down"}`},
		"empty":     {message(`{}`, ":message-type", "exception", ":exception-type", "x"), `{"__type":"x"}`},
		"words":     {message(`no "JSON"`, ":message-type", "exception", ":exception-type", "x"), `{"__type":"x","message":"no \"JSON\""}`},
		"error":     {message("", ":message-type", "error", ":error-code", "InternalError", ":error-message", "oh"), `{"__type":"InternalError","message":"oh"}`},
	} {
		ev, err := NewDecoder(bytes.NewReader(c.data), eventstream.Limits{}).Next()
		require.NoError(t, err, name)
		require.Equal(t, "error", ev.Type, name)
		require.JSONEq(t, c.want, string(ev.Data), name)
	}
}

func TestACutMessageIsNoEnd(t *testing.T) {
	whole := message(`{"a":1}`, ":message-type", "event", ":event-type", "metadata")
	for n := range len(whole) {
		_, err := NewDecoder(bytes.NewReader(whole[:n]), eventstream.Limits{}).Next()
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		require.Equal(t, want, err, n)
	}
}

// However the reads split a stream, the messages are the same.
func TestWholeEqualsPieces(t *testing.T) {
	var stream []byte
	for i := range 50 {
		stream = append(stream, message(string(bytes.Repeat([]byte("x"), i*97)), ":message-type", "event", ":event-type", "contentBlockDelta")...)
	}
	for _, in := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)), iotest.HalfReader(bytes.NewReader(stream)), iotest.DataErrReader(bytes.NewReader(stream))} {
		read := 0
		d := NewDecoder(in, eventstream.Limits{})
		d.OnRead = func(n int) { read += n }
		for i := range 50 {
			ev, err := d.Next()
			require.NoError(t, err)
			require.Equal(t, "contentBlockDelta", ev.Type)
			require.Len(t, ev.Data, i*97)
		}
		_, err := d.Next()
		require.Equal(t, io.EOF, err)
		require.Equal(t, len(stream), read)
	}
}

func TestLimits(t *testing.T) {
	one := message("0123456789")
	_, err := NewDecoder(bytes.NewReader(one), eventstream.Limits{EventBytes: int64(len(one)) - 1}).Next()
	require.Equal(t, eventstream.ErrEventTooLarge, err)
	d := NewDecoder(bytes.NewReader(append(bytes.Clone(one), one...)), eventstream.Limits{StreamBytes: int64(len(one)) + 3})
	_, err = d.Next()
	require.NoError(t, err)
	_, err = d.Next()
	require.Equal(t, eventstream.ErrStreamTooLarge, err)
}

// A server that announces much and sends little costs little.
func TestAnAnnouncedLengthTakesNoMemory(t *testing.T) {
	head := binary.BigEndian.AppendUint32(nil, 15<<20)
	head = binary.BigEndian.AppendUint32(head, 0)
	head = binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(head))
	d := NewDecoder(bytes.NewReader(head), eventstream.Limits{})
	_, err := d.Next()
	require.Equal(t, io.ErrUnexpectedEOF, err)
	require.LessOrEqual(t, cap(d.buf), firstBuffer)
}

func FuzzAWSStream(f *testing.F) {
	f.Add(unhex(f, oneHeader))
	f.Add(message(`{"message":"x"}`, ":message-type", "exception", ":exception-type", "validationException"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, pieces := NewDecoder(bytes.NewReader(data), eventstream.Limits{EventBytes: 1 << 16}), NewDecoder(iotest.OneByteReader(bytes.NewReader(data)), eventstream.Limits{EventBytes: 1 << 16})
		for {
			a, err := d.Next()
			b, again := pieces.Next()
			require.Equal(t, err, again)
			require.Equal(t, a.Type, b.Type)
			require.True(t, bytes.Equal(a.Data, b.Data))
			if err != nil {
				return
			}
		}
	})
}
