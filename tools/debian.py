"""Source packages of Debian, fetched by apt-get from wherever this machine gets its packages, with a list of
sources and folders of our own, so that the machine's settings stay as they are."""
import shutil
import tarfile
from pathlib import Path

from common import BUILD, ToolError, run

WORK = BUILD / 'debian'


def installed_release():
    release = dict(line.split('=', 1) for line in Path('/etc/os-release').read_text().splitlines() if '=' in line)
    return release.get('VERSION_CODENAME', 'bookworm').strip('"')


def mirror():
    """Where this machine gets its packages from."""
    codename = installed_release()
    printed = run(['apt-get', 'indextargets', '--format', '$(REPO_URI) $(CODENAME)', 'Created-By: Packages'])
    for line in printed.splitlines():
        uri, _, name = line.partition(' ')
        if name == codename:
            return uri
    raise ToolError(f'apt has no packages of {codename}: apt-get update comes first')


def apt_options(release):
    """Options that keep apt to a list and folders of our own."""
    apt = WORK / release
    for folder in ('lists/partial', 'cache/archives/partial'):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / 'sources.list').write_text(f'deb-src {mirror()} {release} main\n')
    return ['-o', f'Dir::Etc::sourcelist={apt}/sources.list', '-o', 'Dir::Etc::sourceparts=-',
            '-o', f'Dir::State::lists={apt}/lists', '-o', f'Dir::Cache={apt}/cache',
            '-o', 'APT::Sandbox::User=root', '-q']


def archive(package, release):
    """The package's upstream archive, fetched if it is not here."""
    folder = WORK / 'archives'
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob(f'{package}_*.orig.tar.*'))
    if not found:
        if not shutil.which('apt-get'):
            raise ToolError('needs apt-get: the sources are those of Debian')
        options = apt_options(release)
        if not any((WORK / release / 'lists').glob('*Sources*')):
            run(['apt-get', *options, 'update'])
        run(['apt-get', *options, 'source', '--download-only', package], cwd=folder)
        found = sorted(folder.glob(f'{package}_*.orig.tar.*'))
    if not found:
        raise ToolError(f'no source archive of {package}')
    return found[0]


def sources(package, target, release=None):
    """The folder target with the upstream sources of a package, of this machine's release unless one is named."""
    if not target.is_dir():
        packed = archive(package, release or installed_release())
        partial = target.with_name(target.name + '.partial')
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with tarfile.open(packed) as tar:
            tar.extractall(partial, filter='data')
        inside = list(partial.iterdir())
        (inside[0] if len(inside) == 1 else partial).rename(target)
        shutil.rmtree(partial, ignore_errors=True)
    return target
