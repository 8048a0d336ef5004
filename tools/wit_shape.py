"""What a JSON of resolved WIT says, apart from the order and the numbers of its parts: two are equal in
structure when their shapes are."""


class Shape:
    def __init__(self, wit):
        self.wit = wit

    def package(self, number):
        return self.wit['packages'][number]['name']

    def interface_name(self, number):
        interface = self.wit['interfaces'][number]
        return f"{self.package(interface['package'])}/{interface['name'] or '(inline)'}"

    def owner(self, owner):
        if 'interface' in owner:
            return self.interface_name(owner['interface'])
        world = self.wit['worlds'][owner['world']]
        return f"{self.package(world['package'])}/{world['name']}"

    def type(self, ref):
        """The text of a type that is mentioned: its name, or what it is made of."""
        if ref is None or isinstance(ref, str):
            return str(ref)
        entry = self.wit['types'][ref]
        if entry['name'] is not None:
            return f"{entry['name']} of {self.owner(entry['owner'])}"
        return self.kind(entry['kind'])

    def kind(self, kind):
        if isinstance(kind, str):
            return kind
        (name, value), = kind.items()
        if name in ('record', 'variant', 'enum', 'flags'):
            (_, cases), = value.items()
            parts = [f"{c['name']}: {self.type(c.get('type'))} {self.docs(c)}" for c in cases]
        elif name == 'handle':
            (handle, ref), = value.items()
            return f'{handle}<{self.type(ref)}>'
        elif name == 'tuple':
            parts = [self.type(t) for t in value['types']]
        elif name == 'result':
            parts = [self.type(value['ok']), self.type(value['err'])]
        elif name == 'fixed-length-list':
            parts = [self.type(value[0]), str(value[1])]
        elif name == 'map':
            parts = [self.type(t) for t in value]
        else:
            parts = [self.type(value)]
        return f"{name}<{', '.join(parts)}>"

    @staticmethod
    def docs(item):
        """The words of comments: what is left of slashes and asterisks is the printer's business."""
        return item.get('docs', {}).get('contents', '').replace('*', ' ').replace('/', ' ').split()

    def head(self, item):
        return {'docs': self.docs(item), 'stability': item.get('stability')}

    def function(self, function):
        kind = function['kind']
        if isinstance(kind, dict):
            (kind, resource), = kind.items()
            kind = f'{kind} {self.wit["types"][resource]["name"]}'
        params = [f"{p['name']}: {self.type(p['type'])}" for p in function['params']]
        return {'kind': kind, 'params': params, 'result': self.type(function.get('result')), **self.head(function)}

    def named_type(self, number):
        entry = self.wit['types'][number]
        return {'kind': self.kind(entry['kind']), **self.head(entry)}

    def interface(self, number):
        interface = self.wit['interfaces'][number]
        return {
            'types': {name: self.named_type(t) for name, t in interface['types'].items()},
            'functions': {name: self.function(f) for name, f in interface['functions'].items()},
            **self.head(interface),
        }

    def side(self, items):
        shape = {}
        for name, item in items.items():
            (kind, value), = item.items()
            if kind == 'function':
                shape[name] = self.function(value)
            elif kind == 'type':
                shape[name] = self.kind(self.wit['types'][value]['kind'])
            elif name.startswith('interface-'):
                shape[self.interface_name(value['id'])] = value.get('stability')
            else:
                shape[name] = {'is': self.interface(value['id'])}
        return shape

    def world(self, number):
        world = self.wit['worlds'][number]
        return {'imports': self.side(world['imports']), 'exports': self.side(world['exports']), **self.head(world)}

    def all(self):
        return {
            package['name']: {
                'interfaces': {name: self.interface(i) for name, i in package['interfaces'].items()},
                'worlds': {name: self.world(w) for name, w in package['worlds'].items()},
            }
            for package in self.wit['packages']
        }


def difference(a, b, path=''):
    """Where two shapes differ first, or None."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b), key=str):
            if key not in a or key not in b:
                return f'{path}/{key} is only in {"the suite" if key in b else "ours"}'
            found = difference(a[key], b[key], f'{path}/{key}')
            if found:
                return found
        return None
    return None if a == b else f'{path}: {a!r} instead of {b!r}'
