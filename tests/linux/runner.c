/*
 * Does scenarios, each in a process of its own: what runner.py does, for a guest that has nothing else in it.
 * The lines that it reads and says: scenario.py.
 *
 * As the first process of a guest it reads them from /scenarios, says ready when it begins and over when it ends, and
 * turns the guest off. Else it reads them from standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 15 /* seconds that a scenario may take, where every instruction is emulated */

static uintptr_t page_size;
static uintptr_t returned; /* by mremap, the last time, unless that */
static int failed = 1;
static int limit = -1; /* the file that says how much memory the group may have */
static char maps[1 << 16];

static void say(const char *format, ...)
{
	char line[256];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	for (char *at = line; length > 0;) {
		ssize_t written = write(1, at, length);
		if (written <= 0)
			_exit(1);
		at += written;
		length -= written;
	}
}

static void impossible(const char *what)
{
	say("b %s: %s\n", what, strerror(errno));
	_exit(0);
}

/* A whole file, with a zero behind it. */
static char *contents(const char *path, char *into, size_t room)
{
	int file = open(path, O_RDONLY);
	size_t length = 0;
	ssize_t got;

	if (file < 0)
		impossible(path);
	while ((got = read(file, into + length, room - 1 - length)) > 0)
		length += got;
	close(file);
	into[length] = 0;
	return into;
}

static char *next_line(char *at)
{
	char *end = strchr(at, '\n');

	return end ? end + 1 : at + strlen(at);
}

static uintptr_t number(char **at)
{
	return strtoull(*at, at, 16);
}

static void say_areas(void)
{
	for (char *at = contents("/proc/self/maps", maps, sizeof(maps)); *at; at = next_line(at)) {
		char *after = at;
		unsigned long long start = strtoull(after, &after, 16);
		unsigned long long end = strtoull(after + 1, &after, 16);

		say("a %llx %llx\n", start, end);
	}
}

static void map(uintptr_t addr, uintptr_t length, int kind)
{
	int flags = kind & 1 ? MAP_SHARED : MAP_PRIVATE, file = -1;
	void *got;

	if (kind & 2) {
		file = memfd_create("scenario", 0);
		if (file < 0 || ftruncate(file, length))
			impossible("memfd_create");
	} else {
		flags |= MAP_ANONYMOUS;
	}
	got = mmap((void *)addr, length, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, file, 0);
	if (got != (void *)addr) {
		say("o %lx\n", (unsigned long)addr);
		_exit(0);
	}
	madvise(got, length, MADV_NOHUGEPAGE); /* a kernel without huge pages does not know it */
}

static void touch(uintptr_t addr)
{
	*(volatile uintptr_t *)addr = addr;
	*(volatile uintptr_t *)(addr + page_size - sizeof(addr)) = ~addr;
}

static void say_tables(void)
{
	char *line = strstr(contents("/proc/self/status", maps, sizeof(maps)), "VmPTE:");

	say("p %lx\n", line ? strtoul(line + 6, NULL, 10) : 0);
}

static void remap(uintptr_t old_addr, uintptr_t old_len, uintptr_t new_len, int flags, uintptr_t new_addr)
{
	/* Not by the C library, which does not hand on all of the arguments. */
	uintptr_t got = syscall(SYS_mremap, old_addr, old_len, new_len, (unsigned long)flags, new_addr);

	failed = got == (uintptr_t)-1;
	returned = got;
	if (failed)
		say("x %x\n", errno);
	else
		say("r %lx\n", (unsigned long)got);
}

/* Whether a page was written, and where. */
static int written(uintptr_t addr, uintptr_t *mark)
{
	*mark = *(volatile uintptr_t *)addr;
	return *(volatile uintptr_t *)(addr + page_size - sizeof(addr)) == ~*mark;
}

static void held(uintptr_t offset)
{
	uintptr_t mark;

	if (failed)
		return;
	if (written(returned + offset, &mark))
		say("h %lx %lx\n", (unsigned long)offset, (unsigned long)mark);
	else
		say("g %lx\n", (unsigned long)offset);
}

/* Of a range that is mapped: which pages are present or swapped out, and where each was written. */
static void look_at_pages(uintptr_t start, uintptr_t end)
{
	int file = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	if (file < 0)
		impossible("pagemap");
	for (uintptr_t addr = start; addr != end; addr += page_size) {
		if (pread64(file, &entry, 8, (off64_t)(addr / page_size) * 8) != 8)
			impossible("pagemap");
		if (entry >> 62) {
			uintptr_t mark;

			if (written(addr, &mark))
				say("c %lx %lx\n", (unsigned long)addr, (unsigned long)mark);
			else
				say("d %lx\n", (unsigned long)addr);
		}
	}
	close(file);
}

static void put_into(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		impossible(path);
	close(file);
}

/*
 * A memory group of its own, to which page tables are charged as well. Nobody is killed for want of memory in it: what
 * cannot be had is refused.
 */
static void confine(void)
{
	mkdir("/group", 0755);
	if (mount("none", "/group", "cgroup2", 0, NULL) && errno != EBUSY)
		impossible("cgroup2");
	put_into("/group/cgroup.subtree_control", "+memory");
	if (mkdir("/group/one", 0755) && errno != EEXIST)
		impossible("/group/one");
	put_into("/group/one/memory.max", "max");
	put_into("/group/one/cgroup.procs", "0");
	put_into("/proc/self/oom_score_adj", "-1000");
	limit = open("/group/one/memory.max", O_WRONLY);
	/* What the process itself needs must be there before: a page fault that cannot be served is tried for ever. */
	if (limit < 0 || mlockall(MCL_CURRENT))
		impossible("confine");
}

static void set_limit(const char *text)
{
	if (pwrite(limit, text, strlen(text), 0) < 0)
		impossible("memory.max");
}

#define SPARE 1024 /* pages: more than a kernel charges in advance */

#define SMALL 12 /* areas: what a kernel needs to describe them comes to less than a page */

/*
 * So many pages may be had from now on. All that may be had is taken, also what has been charged in advance; and of that,
 * so many pages are given up again, the oldest: the last ones may still be on their way into a list.
 *
 * What a call needs beside pages, to describe areas, is charged in bytes. For that a few areas are made before, and given
 * up after: so it takes no page.
 */
static void leave_room(uintptr_t pages)
{
	unsigned long long there = strtoull(contents("/group/one/memory.current", maps, sizeof(maps)), NULL, 10);
	char text[32];
	void *spare, *small[SMALL];

	for (int i = 0; i < SMALL; i++)
		small[i] = mmap(NULL, page_size, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	snprintf(text, sizeof(text), "%llu", there + SPARE / 2 * (unsigned long long)page_size);
	set_limit(text);
	spare = mmap(NULL, SPARE * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (spare == MAP_FAILED)
		impossible("spare");
	madvise(spare, SPARE * page_size, MADV_NOHUGEPAGE);
	madvise(spare, SPARE * page_size, MADV_POPULATE_WRITE);
	if (pages && madvise(spare, pages * page_size, MADV_DONTNEED))
		impossible("spare");
	for (int i = 0; i < SMALL; i++)
		munmap(small[i], page_size);
	usleep(100000); /* some kernels wait a while before they count it */
}

static void say_unmapped(uintptr_t start, uintptr_t end)
{
	if (start < end)
		say("u %lx %lx\n", (unsigned long)start, (unsigned long)(end - start));
}

static void look(uintptr_t at, uintptr_t length)
{
	uintptr_t end = at + length;

	for (char *line = contents("/proc/self/maps", maps, sizeof(maps)); *line; line = next_line(line)) {
		char *after = line;
		uintptr_t start = number(&after), stop;

		after++;
		stop = number(&after);
		if (start < at)
			start = at;
		if (stop > end)
			stop = end;
		if (start < stop) {
			say_unmapped(at, start);
			look_at_pages(start, stop);
			at = stop;
		}
	}
	say_unmapped(at, end);
}

static void step(char *line)
{
	char name = *line++;
	uintptr_t n[5] = { 0 };

	for (int i = 0; i < 5 && *line == ' '; i++)
		n[i] = number(&line);
	switch (name) {
	case 'm':
		map(n[0], n[1], n[2]);
		break;
	case 't':
		touch(n[0]);
		break;
	case 'f':
		if (madvise((void *)n[0], n[1], MADV_DONTNEED))
			impossible("madvise");
		break;
	case 'p':
		say_tables();
		break;
	case 'r':
		remap(n[0], n[1], n[2], n[3], n[4]);
		break;
	case 'h':
		held(n[0]);
		break;
	case 'j':
		confine();
		break;
	case 'q':
		leave_room(n[0]);
		break;
	case 'w':
		set_limit("max");
		break;
	case 'l':
		look(n[0], n[1]);
		break;
	default:
		say("b no step is called %c\n", name);
		_exit(0);
	}
}

/* The steps of a scenario, in a process of its own, which ends with this one. Returns where they end. */
static char *scenario(char *steps)
{
	char *end = steps;
	int status;
	pid_t child;

	while (*end && *end != 'e')
		end = next_line(end);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		alarm(LIMIT);
		for (char *at = steps; at != end; at = next_line(at))
			step(at);
		say("e\n");
		_exit(0);
	}
	if (child < 0)
		say("b fork: %s\n", strerror(errno));
	else if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		say("k %x\n", WTERMSIG(status));
	return next_line(end);
}

static char *all_of(int file, const char *name)
{
	struct stat about;
	size_t room = fstat(file, &about) == 0 && about.st_size > 0 ? about.st_size + 1 : 1 << 24, length = 0;
	char *text = malloc(room);
	ssize_t got;

	if (!text)
		impossible(name);
	while ((got = read(file, text + length, room - 1 - length)) > 0)
		length += got;
	text[length] = 0;
	return text;
}

int main(void)
{
	int first = getpid() == 1;
	int file = 0;
	char *at;

	if (first) {
		mkdir("/proc", 0755);
		mount("proc", "/proc", "proc", 0, NULL);
		file = open("/scenarios", O_RDONLY);
		say("\nready\n");
	}
	page_size = sysconf(_SC_PAGESIZE);
	at = all_of(file, "scenarios");
	say_areas();
	say("z %lx\n\n", (unsigned long)page_size);
	while (*at == 's') {
		char *end = next_line(at);

		say("%.*s", (int)(end - at), at);
		at = scenario(end);
	}
	if (first) {
		say("over\n");
		reboot(RB_POWER_OFF);
	}
	return 0;
}
