#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
#
# mutate.py [--cases N] [--seed S] [--keep DIR]: changes recordings in known ways and
# looks whether `dmaseq diff` reports that change and nothing else.
#
# A recording is its text form. What changes nothing (other numbers, other times, other
# interleaving of threads, a frame more) must give no difference, alone and together with
# each real change. Everything is seeded: the same seed, the same cases. $DMASEQ is the
# program; $DQ_SOURCE_DIR the tree.
import argparse
import copy
import json
import os
import random
import re
import subprocess
import sys
import tempfile

FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
VERDICTS = ('added', 'removed', 'moved', 'changed', 'count', 'time', 'renamed', 'size', 'name', 'shape', 'gained', 'lost')
HERE = os.environ['DQ_SOURCE_DIR']
DMASEQ = os.environ['DMASEQ'].split()


class Item:
    def __init__(self, line):
        head, _, rest = line.partition(' ')
        word = ''
        if rest and '=' not in rest.split(' ', 1)[0]:
            word, _, rest = rest.partition(' ')
        self.kind, self.word = head, word
        self.f = dict(FIELD.findall(rest))

    def num(self, key):
        return int(self.f.get(key, '0'))

    def text(self):
        words = [self.kind] + ([self.word] if self.word else [])
        return ' '.join(words + [f'{k}={v}' for k, v in self.f.items()])


def ns(s):
    sec, _, frac = s.partition('.')
    return int(sec) * 10**9 + int((frac + '0' * 9)[:9])


def secs(n):
    return f'{n // 10**9}.{n % 10**9:09d}'


class Group:
    """The calls of a task in one syscall (the last item), or one outermost call."""
    def __init__(self):
        self.items = []

    def calls(self):
        return [i for i in self.items if i.kind == 'call']

    def begin(self):
        return min(ns(i.f['t']) for i in self.items if 't' in i.f)

    def end(self):
        return max([ns(i.f['t']) + i.num('dur') for i in self.calls()] +
                   [ns(i.f['end']) for i in self.items if 'end' in i.f])

    def task(self):
        return self.items[-1].f['task']

    def bufs(self):
        return {c.f['buf'] for c in self.calls() if 'buf' in c.f}

    def outer(self):
        """Outermost calls in order of entry, each with those in it."""
        runs = []
        for c in sorted(self.calls(), key=lambda c: c.num('seq')):
            if not c.num('depth') or not runs:
                runs.append([])
            runs[-1].append(c)
        return runs

    def has(self, hook):
        return any(c.word == hook for c in self.calls())

    def shift(self, by):
        for i in self.items:
            for key in ('t', 'end'):
                if key in i.f:
                    i.f[key] = secs(ns(i.f[key]) + by)


class Trace:
    def __init__(self, path):
        out = subprocess.run(DMASEQ + ['dump', path], capture_output=True, text=True, check=True).stdout
        self.head = out.splitlines()[0].split(' ')[0] + ' 1'
        self.defs, self.groups, self.tail = [], [], []
        open_groups = {}
        for line in out.splitlines()[1:]:
            item = Item(line)
            if item.kind not in ('call', 'sys'):
                (self.tail if item.kind in ('end', 'snap', 'hold') else self.defs).append(item)
                continue
            key = item.f['task']
            group = open_groups.setdefault(key, Group())
            group.items.append(item)
            if item.kind == 'sys' or ('sys' not in item.f and not item.num('depth')):
                self.groups.append(open_groups.pop(key))
        self.groups += list(open_groups.values())
        self.groups.sort(key=Group.begin)

    def text(self):
        calls = sum(len(g.calls()) for g in self.groups)
        lines = [self.head] + [i.text() for i in self.defs]
        for g in self.groups:
            lines += [i.text() for i in g.items]
        for i in self.tail:
            if i.kind == 'end':
                i.f['calls'] = str(calls)
            lines.append(i.text())
        return '\n'.join(lines) + '\n'

    def renumber_seq(self):
        """Numbers of entries and syscalls as they would have been."""
        seq, sysno = {}, {}
        for g in self.groups:
            task = g.task()
            if any(i.kind == 'sys' for i in g.items):
                sysno[task] = sysno.get(task, 0) + 1
                for i in g.items:
                    i.f['sys'] = str(sysno[task])
            for c in sorted(g.calls(), key=lambda c: c.num('seq')):
                seq[task] = seq.get(task, 0) + 1
                c.f['seq'] = str(seq[task])

    def defs_of(self, kind):
        return [i for i in self.defs if i.kind == kind]


# ---- what changes nothing -----------------------------------------------------------

def renumber(t, r):
    """Other ids, inodes, processes."""
    maps = {}

    def other(space, old):
        m = maps.setdefault(space, {})
        if old not in m:
            m[old] = str(len(m) * r.randint(1, 3) + r.randint(1, 9) + max([int(v) for v in m.values()] or [0]))
        return m[old]

    spaces = {'buf': 'buf', 'att': 'att', 'task': 'task', 'sgt': 'sgt', 'dev': 'dev', 'ops': 'ops',
              'other': 'task', 'tid': 'tid', 'tgid': 'tid', 'ino': 'ino', 'vma': 'vma', 'table': 'table',
              'from': 'table', 'orig': 'vma'}
    for i in t.defs + t.tail + [x for g in t.groups for x in g.items]:
        for key, space in spaces.items():
            if i.kind == 'att' and key == 'dev':
                continue
            if key in i.f and i.f[key] != '0':
                i.f[key] = other(space, i.f[key])
        if i.kind in ('buf', 'att', 'task', 'dev', 'ops'):
            i.f['id'] = other(i.kind, i.f.get('id') or i.word)


def retime(t, r):
    """A slower or faster machine that was started at another time."""
    num, den = r.choice(((1, 1), (3, 2), (2, 3), (5, 4)))
    by = r.randint(1, 10**12)
    for i in t.defs + t.tail + [x for g in t.groups for x in g.items]:
        for key in ('t', 'end', 'from', 'to', 'mono'):
            if key in i.f and '.' in i.f[key] and i.f[key] != '0.000000000':
                i.f[key] = secs(ns(i.f[key]) * num // den + by)
        if 'dur' in i.f:
            i.f['dur'] = str(i.num('dur') * num // den)


def interleave(t, r):
    """Threads meet in another order; each keeps its own, and no buffer is used before it is made
    or after it is gone."""
    queues, order = {}, []
    for g in t.groups:
        queues.setdefault(g.task(), []).append(g)
    left = {}
    for g in t.groups:
        for b in g.bufs():
            left[b] = left.get(b, 0) + 1
    made = {b for b in left if not any(g.has('dma_buf_export') and b in g.bufs() for g in t.groups)}

    def ready(g):
        for b in g.bufs():
            if b not in made and not g.has('dma_buf_export'):
                return False
            if g.has('dma_buf_release') and left[b] > 1:
                return False
        return True

    while any(queues.values()):
        can = [k for k, q in sorted(queues.items()) if q and ready(q[0])]
        if not can:     # such a trace is left alone
            return
        g = queues[r.choice(can)].pop(0)
        for b in g.bufs():
            left[b] -= 1
        made |= g.bufs()
        order.append(g)
    now = min(g.begin() for g in t.groups)
    for g in order:
        g.shift(now - g.begin())
        now = g.end() + r.randint(1000, 100000)
    end = now + 1000
    for i in t.tail:
        for key in ('t', 'end'):
            if key in i.f:
                i.f[key] = secs(end)
    t.groups = order


def swap_threads(t, r):
    """Threads of one name change what they are called and numbered; each does what it did."""
    names = {}
    for task in t.defs_of('task'):
        names.setdefault((task.f.get('process'), re.sub(r'\d+"$', '"', task.f['comm'])), []).append(task)
    many = [v for v in names.values() if len(v) > 1]
    for group in many:
        tids = [(x.f['tid'], x.f['comm']) for x in group]
        main = [x.f['tid'] == x.f.get('tgid') for x in group]
        if any(main):
            continue
        r.shuffle(tids)
        for x, (tid, comm) in zip(group, tids):
            x.f['tid'], x.f['comm'] = tid, comm


QUIET = (renumber, retime, interleave, swap_threads)

# ---- what changes something: gives what diff has to say, or None where it cannot be done ----


def requeues(t, buf):
    return [g for g in t.groups if g.bufs() == {buf} and len(g.outer()) == 2 and
            [o[0].word for o in g.outer()] == ['dma_buf_get', 'dma_buf_put']]


def buffers(t):
    return sorted({b for g in t.groups for b in g.bufs()}, key=int)


def pick(t, r, hooks, least=1):
    """An outermost call with one of these names, in a group that has others."""
    found = [(g, o) for g in t.groups for o in g.outer()
             if o[0].word in hooks and len(g.outer()) > least and len(g.bufs()) == 1]
    return r.choice(found) if found else (None, None)


def drop(t, r):
    g, run = pick(t, r, ('dma_buf_put', 'dma_buf_vunmap_unlocked', 'dma_buf_get'))
    if not g:
        return None
    # of steps that repeat in a row it is one fewer, and once is not twice
    i, outer = g.outer().index(run), g.outer()
    same = [o for o in outer[max(i - 1, 0):i + 2] if o[0].word == run[0].word and len(o) == len(run)]
    g.items = [i for i in g.items if i not in run]
    t.renumber_seq()
    return {'count': 1} if len(same) > 1 else {'removed': 1}


def drop_callback(t, r):
    found = [(g, c) for g in t.groups for c in g.calls() if c.word.startswith('ops->')]
    if not found:
        return None
    g, c = r.choice(found)
    g.items.remove(c)
    t.renumber_seq()
    return {'removed': 1}


def forget_sync_end(t, r):
    """In each round, so that it is one step of the loop."""
    ends = [g for g in t.groups if any('END' in c.f.get('sync', '') and 'ret' not in c.f for c in g.calls())]
    if len(ends) < 20:
        return None
    kinds = {c.f['sync'] for g in ends for c in g.calls() if 'END' in c.f.get('sync', '')}
    if len(kinds) != 1:
        return None
    t.groups = [g for g in t.groups if g not in ends]
    t.renumber_seq()
    return {'removed': 1, 'gained': None}


def swap(t, r):
    found = []
    for g in t.groups:
        o = g.outer()
        for i in range(len(o) - 1):
            # other calls depend on these, or say that they do
            words = {o[i][0].word, o[i + 1][0].word}
            if len(words) == 2 and words <= {'dma_buf_put', 'dma_buf_vunmap_unlocked', 'dma_buf_detach',
                                             'dma_buf_unmap_attachment_unlocked', 'dma_buf_get'} and \
                    len(g.bufs()) == 1 and 'dma_buf_detach' not in words:
                found.append((g, i))
    if not found:
        return None
    g, i = r.choice(found)
    o = g.outer()
    a, b = o[i], o[i + 1]
    seqs = sorted(c.num('seq') for c in a + b)
    times = sorted((ns(c.f['t']), c.num('dur')) for c in a + b)
    begin = times[0][0]
    for c in b:
        c.f['t'] = secs(ns(c.f['t']) - ns(b[0].f['t']) + begin)
    after = max(ns(c.f['t']) + c.num('dur') for c in b) + 100
    first = ns(a[0].f['t'])
    for c in a:
        c.f['t'] = secs(ns(c.f['t']) - first + after)
    for c, s in zip(b + a, seqs):
        c.f['seq'] = str(s)
    return {'moved': 1}


def direction(t, r):
    found = [(g, o) for g in t.groups for o in g.outer() if 'map_attachment' in o[0].word]
    if not found:
        return None
    g, run = r.choice(found)
    other = r.choice([d for d in ('BIDIRECTIONAL', 'TO_DEVICE', 'FROM_DEVICE') if d != run[0].f['dir']])
    for c in run:
        c.f['dir'] = other
    return {'changed': 1}


def attach_per_frame(t, r):
    bufs = [b for b in buffers(t) if len(requeues(t, b)) >= 2]
    if not bufs:
        return None
    buf = r.choice(bufs)
    atts = t.defs_of('att')
    n = max(int(a.f.get('id') or a.word) for a in atts) + 1
    model = next(a for a in atts if a.f['buf'] == buf)
    for g in requeues(t, buf):
        get, put = (o[0] for o in g.outer())
        att = copy.deepcopy(model)
        att.f['id'], att.word, att.f['t'] = str(n), '', get.f['t']
        t.defs.append(att)
        for k, hook in enumerate(('dma_buf_attach', 'dma_buf_detach')):
            c = copy.deepcopy(get)
            c.word = hook
            c.f.update(att=str(n), t=secs(ns(get.f['t']) + get.num('dur') + 10 + 10 * k), dur='5',
                       caller='"vb2_dc_attach_dmabuf [videobuf2_dma_contig]"')
            for key in ('fd', 'ret'):
                c.f.pop(key, None)
            c.f['seq'] = str(get.num('seq'))
            g.items.insert(g.items.index(get) + 1 + k, c)
        n += 1
    for g in t.groups:
        calls = g.calls()
        if [c.word for c in calls] == ['dma_buf_get', 'dma_buf_attach', 'dma_buf_detach', 'dma_buf_put']:
            base = calls[0].num('seq') * 10
            for k, c in enumerate(calls):
                c.f['seq'] = str(base + k)
        else:
            for c in calls:
                c.f['seq'] = str(c.num('seq') * 10)
    t.renumber_seq()
    return {'added': 2}


def fail_vmap(t, r):
    found = [(g, o) for g in t.groups for o in g.outer()
             if o[0].word.startswith('dma_buf_vmap') and any(c.word == 'ops->vmap' for c in o)]
    if not found:
        return None
    g, run = r.choice(found)
    for c in run:
        c.f['ret'] = '-ENOMEM'
    return {'changed': 2}


def fail_map(t, r):
    found = [(g, o) for g in t.groups for o in g.outer()
             if 'dma_buf_map_attachment' in o[0].word and 'ops->map_dma_buf' in [c.word for c in o]]
    if not found:
        return None
    g, run = r.choice(found)
    att = run[0].f['att']
    for c in run:
        c.f['ret'] = '-ENOMEM'
        c.f.pop('sgt', None)
    # the call, the callback, and the unmap that finds nothing
    unmapped = any(o[0].f.get('att') == att and 'unmap_attachment' in o[0].word for h in t.groups for o in h.outer())
    return {'changed': 2 + unmapped}


def leak(t, r):
    found = [b for b in buffers(t) if sum(g.has('filp_flush') and g.bufs() == {b} for g in t.groups) == 1 and
             any(g.has('filp_flush') and g.has('dma_buf_release') and g.bufs() == {b} for g in t.groups) and
             sum(g.has('fd_install') and b in g.bufs() for g in t.groups) == 1]
    if not found:
        return None
    b = r.choice(found)
    t.groups = [g for g in t.groups if not (g.bufs() == {b} and g.has('filp_flush'))]
    t.tail = [i for i in t.tail if i.kind == 'end']
    t.renumber_seq()
    return {'removed': 2, 'added': 1}


def double(t, r):
    bufs = [b for b in buffers(t) if len(requeues(t, b)) >= 3]
    if not bufs:
        return None
    b = r.choice(bufs)
    again = []
    for g in t.groups:
        again.append(g)
        if g in requeues(t, b):
            more = copy.deepcopy(g)
            more.shift(g.end() - g.begin() + 100)
            for c in more.calls():
                c.f['seq'] = str(c.num('seq'))
            again.append(more)
    t.groups = again
    t.renumber_seq()
    return {'count': 1}


def one_frame_more(t, r):
    """Changes nothing, as --counts tolerant sees it."""
    bufs = [b for b in buffers(t) if len(requeues(t, b)) >= 3]
    if not bufs:
        return None
    b = r.choice(bufs)
    i = t.groups.index(requeues(t, b)[-1])
    more = copy.deepcopy(t.groups[i])
    more.shift(more.end() - more.begin() + 100)
    t.groups.insert(i + 1, more)
    t.renumber_seq()
    return {}


def slow(t, r):
    counts = {}
    for g in t.groups:
        for o in g.outer():
            if o[0].f.get('dur', '0') != '0' and len(o) == 1 and o[0].word == 'dma_buf_get':
                counts[o[0].word] = counts.get(o[0].word, 0) + 1
    if counts.get('dma_buf_get', 0) < 20:
        return None
    for g in t.groups:
        if len(g.outer()) == 2:
            for c in g.calls():
                if c.word == 'dma_buf_get':
                    c.f['dur'] = str(c.num('dur') * 3)
    return {'time': 1}


def rename(t, r):
    names = sorted({a.f['dev'] for a in t.defs_of('att')})
    if not names:
        return None
    old = r.choice(names)
    new = '"other%d.0"' % r.randint(1, 99)
    n = sum(a.f['dev'] == old for a in t.defs_of('att'))
    if not n:
        return None
    for a in t.defs_of('att'):
        if a.f['dev'] == old:
            a.f['dev'] = new
    return {'renamed': None}        # however many steps name it


def enlarge(t, r):
    bufs = t.defs_of('buf')
    sizes = {b.f['size'] for b in bufs}
    if len(sizes) != 1:
        return None
    size = str(int(sizes.pop()) * 2)
    for b in bufs:
        b.f['size'] = size
    for g in t.groups:
        for c in g.calls():
            if 'len' in c.f:
                c.f['len'] = size
    return {'size': None}


def other_thread(t, r):
    """One SYNC pair of each round is made by another thread: two steps that moved."""
    tasks = {}
    for g in t.groups:
        if len(g.bufs()) == 1 and g.has('dma_buf_ioctl') and len(g.outer()) == 1:
            tasks.setdefault((next(iter(g.bufs())), g.task()), []).append(g)
    found = []
    for (buf, task), v in sorted(tasks.items()):
        others = [k for b, k in tasks if b == buf and k != task]
        if others and len(v) >= 20 and len(v) == sum(g.bufs() == {buf} and g.task() == task for g in t.groups):
            found.append((v, task))
    if not found:
        return None
    v, task = r.choice(found)
    # a thread that did nothing yet
    model = next(x for x in t.defs_of('task') if (x.f.get('id') or x.word) == task)
    new = copy.deepcopy(model)
    number = max(int(x.f.get('id') or x.word) for x in t.defs_of('task')) + 1
    new.word, new.f['id'] = '', str(number)
    new.f['tid'], new.f['comm'] = str(10**6), '"watchdog"'
    t.defs.append(new)
    for g in v:
        for i in g.items:
            i.f['task'] = str(number)
    t.renumber_seq()
    alike = sum(re.sub(r'\d+"$', '', x.f['comm']) == re.sub(r'\d+"$', '', model.f['comm'])
                for x in t.defs_of('task'))
    return {'changed': 1} if alike == 1 else {'added': 1, 'count': 1}


def one_more_kind(t, r):
    """A buffer that is like no other: exported, asked for a lot, gone."""
    bufs = t.defs_of('buf')
    g = next((g for g in t.groups if g.has('dma_buf_export') and len(g.outer()) >= 1), None)
    if not g:
        return None
    old, number = next(iter(g.bufs())), str(max(int(b.f.get('id') or b.word) for b in bufs) + 1)
    b = copy.deepcopy(next(x for x in bufs if (x.f.get('id') or x.word) == old))
    b.word, b.f['id'], b.f['ino'] = '', number, '987654'
    b.f['exp_name'] = '"strange"'
    export = copy.deepcopy(next(c for c in g.calls() if c.word == 'dma_buf_export'))
    begin = max(x.end() for x in t.groups)
    task = export.f['task']
    t.defs.append(b)
    for k, hook in enumerate(('dma_buf_export', 'dma_buf_begin_cpu_access', 'dma_buf_end_cpu_access', 'dma_buf_release')):
        c = Item(f'call {hook} t={secs(begin + 1000 * (k + 1))} dur=10 task={task} cpu=0 depth=0 seq=1 buf={number}')
        if hook == 'dma_buf_export':
            c.f.update({k: v for k, v in export.f.items() if k in ('size', 'flags')}, ret='0')
        elif 'access' in hook:
            c.f.update(dir='TO_DEVICE', ret='0')
        c.f.pop('depth')
        more = Group()
        more.items = [c]
        t.groups.append(more)
    b.f['t'] = secs(begin + 1000)
    t.renumber_seq()
    for i in t.tail:
        for key in ('t', 'end'):
            if key in i.f:
                i.f[key] = secs(max(ns(i.f[key]), begin + 10000))
    return {'shape': 1}


def other_sync(t, r):
    """One thread reads where it wrote: other arguments of START and END, and what follows of them."""
    found = {}
    for g in t.groups:
        for c in g.calls():
            if c.word == 'dma_buf_ioctl' and 'WRITE' in c.f.get('sync', '') and 'READ' not in c.f['sync'] and \
                    'ret' not in c.f and 'RW' not in c.f['sync']:
                found.setdefault((c.f['buf'], g.task()), []).append(g)
    steady = [k for k, v in sorted(found.items()) if len(v) >= 20]
    if not steady:
        return None
    buf, task = r.choice(steady)
    n = set()
    for g in found[(buf, task)]:
        for c in g.calls():
            if c.word == 'dma_buf_ioctl':
                c.f['sync'] = c.f['sync'].replace('WRITE', 'READ')
                n.add(c.f['sync'])
            elif c.f.get('dir') == 'TO_DEVICE':
                c.f['dir'] = 'FROM_DEVICE'
                n.add(c.word)
    callbacks = {x for x in n if x.startswith('ops->')}
    return {'changed': len({x for x in n if 'START' in x or 'END' in x}) + len(callbacks)}


LOUD = (other_thread, one_more_kind, other_sync, drop, drop_callback, forget_sync_end, swap, direction, attach_per_frame, fail_vmap, fail_map, leak, double,
        one_frame_more, slow, rename, enlarge)

# Recordings of one program on two kernels: a change is to be found between them, too.
KERNELS = {'across-6.1': 'across-7.2', 'across-7.2': 'across-6.1'}
FOR_KERNELS = (leak, one_more_kind, enlarge)

# ---- running --------------------------------------------------------------------------


def diff(base, new, *opts):
    p = subprocess.run(DMASEQ + ['diff', '-q', '-f', 'json', *opts, base, new], capture_output=True, text=True)
    if p.returncode not in (0, 1) or p.stderr:
        return None, f'status {p.returncode}, {p.stderr}'
    d = json.loads(p.stdout)
    if d['differs'] != (p.returncode == 1) and 'time' not in opts:
        return None, f"status {p.returncode} and differs {d['differs']}"
    return d['differences'], ''


def chaos(t, r):
    """Much is changed at once, as no program would: diff has to come through, that is all."""
    share = r.choice((0.02, 0.1, 0.4))
    for g in t.groups:
        keep = [i for i in g.items if i.kind == 'sys' or r.random() > share]
        calls = [i for i in keep if i.kind == 'call']
        if not calls:
            continue
        g.items = keep
    extra = [copy.deepcopy(g) for g in t.groups if r.random() < share / 2]
    for g in extra:
        t.groups.insert(r.randrange(len(t.groups)), g)
    t.renumber_seq()


def verdict(got, want):
    for v in VERDICTS:
        w = want.get(v, 0)
        if v in ('gained', 'lost') and want and v not in want:
            continue        # what a change breaks is check's business
        if (w is None and not got[v]) or (w is not None and got[v] != w):
            return False
    return True


def one_case(no, seed, sources, tmp):
    r = random.Random(f'{seed}-{no}')
    name = r.choice(sorted(sources))
    t = copy.deepcopy(sources[name])
    mutate = LOUD[no % len(LOUD)] if no % 4 else None
    want, what = {}, []
    if mutate:
        want = mutate(t, r)
        what.append(mutate.__name__)
        if want is None:        # this trace has nothing for it: the next that has
            for other in sorted(sources):
                name, t = other, copy.deepcopy(sources[other])
                want = mutate(t, r)
                if want is not None:
                    break
            else:
                sys.exit(f'no recording has anything for {mutate.__name__}')
    quiet = [q for q in QUIET if r.random() < 0.6 and not (mutate is slow and q is retime)]
    for q in quiet:
        q(t, r)
        what.append(q.__name__)
    if no % 16 == 4:
        t = copy.deepcopy(sources[name])
        chaos(t, r)
        what, want, mutate = ['chaos'], None, chaos
    new = os.path.join(tmp, 'new.txt')
    with open(new, 'w', encoding='utf-8') as f:
        f.write(t.text())
    base = os.path.join(tmp, name + '.txt')
    opts = ['--timing', '20%'] if mutate is slow else []
    if not mutate:
        opts = ['--counts', r.choice(('exact', 'tolerant', 'ignore'))]
    elif name in KERNELS and mutate in FOR_KERNELS and r.random() < 0.5:
        base = os.path.join(tmp, KERNELS[name] + '.txt')        # the same program on another kernel
        what.append('another kernel')
    back = r.random() < 0.2 and set(want or ()) <= {'added', 'removed', 'moved', 'changed', 'count'}
    if back:
        base, new = new, base
        want = want and {{'added': 'removed', 'removed': 'added'}.get(k, k): v for k, v in want.items()}
        what.append('the other way')
    got, err = diff(base, new, *opts)
    if got and (want is None or verdict(got, want)):
        return True
    print(f"case {no} of seed {seed}: {name}: {', '.join(what)}: wants {want}, "
          f"got {err or {k: v for k, v in got.items() if v}}")
    return False


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--cases', type=int, default=340)
    a.add_argument('--seed', default='1')
    a.add_argument('--only', type=int)
    a.add_argument('--keep')
    o = a.parse_args()
    golden = os.path.join(HERE, 'tests', 'golden')
    sources = {}
    with tempfile.TemporaryDirectory() as tmp:
        tmp = o.keep or tmp
        paths = [os.path.join(golden, name + '.txt') for name in
                 ('recorded-device-dma', 'recorded-cpu-access', 'recorded-fds', 'heap-stream', 'udmabuf-sync',
                  'two-processes')]
        recordings = os.path.join(HERE, 'tests', 'diff', 'recordings')
        paths += [os.path.join(recordings, name) for name in sorted(os.listdir(recordings))]
        for path in paths:
            name = os.path.splitext(os.path.basename(path))[0]
            sources[name] = Trace(path)
            with open(os.path.join(tmp, name + '.txt'), 'w', encoding='utf-8') as f:
                f.write(sources[name].text())
        cases = [o.only] if o.only is not None else range(o.cases)
        bad = sum(not one_case(no, o.seed, sources, tmp) for no in cases)
    print(f'{len(cases)} cases, {bad} wrong')
    return bad > 0


if __name__ == '__main__':
    sys.exit(main())
