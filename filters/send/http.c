/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - bytes to a provider and back: libcurl on the loop
 *
 * libcurl's callbacks only put bytes aside. What they mean is told afterwards,
 * when no call into libcurl is on the stack, so that whoever is told may begin
 * and cancel transfers. Who does not read pauses the transfer: memory is
 * bounded by HTTP_AHEAD for each.
 */
#include "send.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define HTTP_AHEAD (64 * 1024)	/* bytes that wait to be read */
#define HTTP_WRITE (256 * 1024) /* the most libcurl gives at once, and more */
#define IDLE_HANDLES 64

struct http {
	uv_loop_t *loop;
	uv_timer_t *timer;
	CURLM *multi;
	const struct http_events *events;
	struct transfer *told, **told_end; /* those with news, in order */
	CURL *idle[IDLE_HANDLES];
	size_t n_idle;
};

struct transfer {
	struct http *h;
	CURL *easy;
	void *arg;
	const char *provider; /* its name, for messages */
	struct aigw_buf in;
	struct transfer *next; /* in http.told */
	bool queued, over, gone, paused, in_multi;
	CURLcode result;
};

struct sock {
	uv_poll_t poll;
	struct http *h;
	curl_socket_t fd;
};

/* Telling -------------------------------------------------------------------
 */

static void has_news(struct transfer *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->next = NULL;
	*t->h->told_end = t;
	t->h->told_end = &t->next;
}

static void give_back(struct transfer *t)
{
	struct http *h = t->h;

	if (t->in_multi)
		curl_multi_remove_handle(h->multi, t->easy);
	t->in_multi = false;
	if (!t->easy)
		return;
	if (h->n_idle < IDLE_HANDLES) {
		curl_easy_reset(t->easy);
		h->idle[h->n_idle++] = t->easy;
	} else {
		curl_easy_cleanup(t->easy);
	}
	t->easy = NULL;
}

static void transfer_free(struct transfer *t)
{
	give_back(t);
	aigw_buf_release(&t->in);
	free(t);
}

void http_cancel(struct transfer *t)
{
	give_back(t);
	if (t->queued)
		t->gone = true; /* tell() frees it */
	else
		transfer_free(t);
}

/* What libcurl's code means. `sent`: the provider may have it. */
static const struct code_row {
	CURLcode code;
	enum aigw_class class;
	const char *word, *phase;
	bool retryable, dead;
} codes[] = {
	{CURLE_COULDNT_RESOLVE_HOST, AIGW_E_NETWORK, "dns", "connect", true,
	 false},
	{CURLE_COULDNT_RESOLVE_PROXY, AIGW_E_NETWORK, "dns", "connect", true,
	 false},
	{CURLE_COULDNT_CONNECT, AIGW_E_NETWORK, "connect", "connect", true,
	 false},
	{CURLE_OPERATION_TIMEDOUT, AIGW_E_TIMEOUT, "timeout_connect", "connect",
	 true, false},
	{CURLE_PEER_FAILED_VERIFICATION, AIGW_E_NETWORK, "tls", "connect",
	 false, true},
	{CURLE_SSL_CACERT_BADFILE, AIGW_E_NETWORK, "tls", "connect", false,
	 true},
	{CURLE_SSL_CONNECT_ERROR, AIGW_E_NETWORK, "tls", "connect", true,
	 false},
	{CURLE_OUT_OF_MEMORY, AIGW_E_INTERNAL, "internal", "body", false,
	 false},
	{CURLE_WRITE_ERROR, AIGW_E_INTERNAL, "internal", "body", false, false},
	{CURLE_URL_MALFORMAT, AIGW_E_INTERNAL, "bad_url", "connect", false,
	 true},
};

static void network_fault(const struct transfer *t, struct aigw_fault *f)
{
	const char *what = curl_easy_strerror(t->result);
	long sent = 0;

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		const struct code_row *row = &codes[i];

		if (row->code != t->result)
			continue;
		aigw_fault_init(f, row->phase);
		f->retryable = row->retryable;
		f->dead = row->dead;
		aigw_fail_as(&f->why, row->class, row->word, "%s: %s",
			     t->provider, what);
		return;
	}
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	aigw_fault_init(f, "body");
	f->retryable = true;
	if (transfer_status(t)) {
		aigw_fail_as(&f->why, AIGW_E_NETWORK, "truncated",
			     "%s: the answer broke off: %s", t->provider, what);
		return;
	}
	f->phase = "headers";
	aigw_fail_as(&f->why, sent ? AIGW_E_UNKNOWN : AIGW_E_NETWORK,
		     sent ? "no_answer" : "network", "%s: %s", t->provider,
		     what);
}

static void tell_one(struct transfer *t)
{
	struct http *h = t->h;
	struct aigw_fault fault;

	if (t->in.len)
		h->events->data(t->arg);
	if (t->gone || !t->over)
		return;
	if (t->result != CURLE_OK)
		network_fault(t, &fault);
	h->events->done(t->arg, t->result ? &fault : NULL);
	t->gone = true;
}

static void tell(struct http *h)
{
	struct transfer *t;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		t->over = true;
		t->result = msg->data.result;
		has_news(t);
	}
	while ((t = h->told)) {
		h->told = t->next;
		if (!h->told)
			h->told_end = &h->told;
		if (!t->gone)
			tell_one(t);
		t->queued = false;
		if (t->gone)
			transfer_free(t);
	}
}

/* The loop ------------------------------------------------------------------
 */

static void on_timer(uv_timer_t *timer)
{
	struct http *h = timer->data;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell(h);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (ms < 0)
		uv_timer_stop(h->timer);
	else
		uv_timer_start(h->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct sock *sock = poll->data;
	struct http *h = sock->h;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, sock->fd, flags, &running);
	tell(h);
}

static void free_sock(uv_handle_t *handle)
{
	free(handle->data);
}

static struct sock *sock_new(struct http *h, curl_socket_t fd)
{
	struct sock *sock = calloc(1, sizeof(*sock));

	if (!sock)
		return NULL;
	sock->h = h;
	sock->fd = fd;
	sock->poll.data = sock;
	if (uv_poll_init_socket(h->loop, &sock->poll, fd)) {
		free(sock);
		return NULL;
	}
	return sock;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		      void *of)
{
	struct http *h = arg;
	struct sock *sock = of;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (!sock)
			return 0;
		uv_poll_stop(&sock->poll);
		uv_close((uv_handle_t *)&sock->poll, free_sock);
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!sock)
		sock = sock_new(h, fd);
	if (!sock)
		return -1;
	curl_multi_assign(h->multi, fd, sock);
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&sock->poll, events, on_poll) ? -1 : 0;
}

/* Transfers -----------------------------------------------------------------
 */

static size_t on_write(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (t->in.len && t->in.len + size * n > HTTP_AHEAD) {
		t->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (aigw_buf_add(&t->in, p, size * n))
		return 0;
	has_news(t);
	return size * n;
}

const char *transfer_bytes(const struct transfer *t, size_t *len)
{
	*len = t->in.len;
	return t->in.data;
}

void transfer_drop(struct transfer *t, size_t len)
{
	aigw_buf_drop(&t->in, len);
	if (!t->paused || t->in.len > HTTP_AHEAD / 2)
		return;
	t->paused = false;
	if (!t->in_multi)
		return;
	curl_easy_pause(t->easy, CURLPAUSE_CONT);
	/* what it had put aside may have come at once */
	uv_timer_start(t->h->timer, on_timer, 0, 0);
}

int transfer_status(const struct transfer *t)
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

bool transfer_is_stream(const struct transfer *t)
{
	const char *type = transfer_header(t, "content-type");

	return type && strncasecmp(type, "text/event-stream", 17) == 0;
}

const char *transfer_header(const struct transfer *t, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &header))
		return NULL;
	return header->value;
}

int64_t transfer_connect_ms(const struct transfer *t)
{
	curl_off_t us = 0;
	long fresh = 0;

	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &fresh);
	if (!fresh ||
	    curl_easy_getinfo(t->easy, CURLINFO_APPCONNECT_TIME_T, &us))
		return -1;
	if (!us)
		curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME_T, &us);
	return (int64_t)us / 1000;
}

/* Debian's libcurl reads the whole CA bundle for each new connection unless
 * there is no CAPATH beside it: then it keeps what it read. HTTP/1.1, because
 * HTTP/2 of 7.88 breaks off now and then (facts/performance.md 11). */
static int set_options(struct transfer *t, const struct http_request *req)
{
	CURL *e = t->easy;

	if (curl_easy_setopt(e, CURLOPT_PRIVATE, t) ||
	    curl_easy_setopt(e, CURLOPT_URL, req->url) ||
	    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") ||
	    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L) ||
	    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) ||
	    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) ||
	    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
			     (long)CURL_HTTP_VERSION_1_1) ||
	    curl_easy_setopt(e, CURLOPT_POST, 1L) ||
	    curl_easy_setopt(e, CURLOPT_POSTFIELDS, req->body) ||
	    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			     (curl_off_t)req->len) ||
	    curl_easy_setopt(e, CURLOPT_HTTPHEADER, req->provider->headers) ||
	    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
			     (long)req->connect_ms) ||
	    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "") ||
	    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) ||
	    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) ||
	    curl_easy_setopt(e, CURLOPT_CAPATH, NULL) ||
	    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_write) ||
	    curl_easy_setopt(e, CURLOPT_WRITEDATA, t))
		return -1;
	if (req->provider->ca &&
	    curl_easy_setopt(e, CURLOPT_CAINFO, req->provider->ca))
		return -1;
	return 0;
}

struct transfer *http_start(struct http *h, const struct http_request *req,
			    struct aigw_err *err)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	t->h = h;
	t->arg = req->arg;
	t->provider = req->provider->name;
	aigw_buf_init(&t->in, HTTP_AHEAD + HTTP_WRITE);
	t->easy = h->n_idle ? h->idle[--h->n_idle] : curl_easy_init();
	if (!t->easy || set_options(t, req) ||
	    curl_multi_add_handle(h->multi, t->easy)) {
		aigw_fail(err, "libcurl takes no request");
		transfer_free(t);
		return NULL;
	}
	t->in_multi = true;
	return t;
}

/* Life ----------------------------------------------------------------------
 */

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static int set_multi(struct http *h, size_t connections)
{
	CURLM *m = h->multi;

	if (curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, set_socket) ||
	    curl_multi_setopt(m, CURLMOPT_SOCKETDATA, h) ||
	    curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, set_timer) ||
	    curl_multi_setopt(m, CURLMOPT_TIMERDATA, h) ||
	    curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)connections))
		return -1;
	return 0;
}

struct http *http_new(uv_loop_t *loop, size_t connections,
		      const struct http_events *events, struct aigw_err *err)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h)
		h->timer = calloc(1, sizeof(*h->timer));
	if (!h || !h->timer || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(h ? h->timer : NULL);
		free(h);
		aigw_fail(err, "out of memory for libcurl");
		return NULL;
	}
	h->loop = loop;
	h->events = events;
	h->told_end = &h->told;
	uv_timer_init(loop, h->timer);
	h->timer->data = h;
	h->multi = curl_multi_init();
	if (h->multi && !set_multi(h, connections))
		return h;
	aigw_fail(err, "libcurl does not start");
	http_free(h);
	return NULL;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->n_idle)
		curl_easy_cleanup(h->idle[--h->n_idle]);
	curl_multi_cleanup(h->multi);
	uv_close((uv_handle_t *)h->timer, free_handle);
	curl_global_cleanup();
	free(h);
}
