"""What handlers are given: parts of the gateway by the parameter's name, words out of the path."""

from litestar.di import NamedDependency
from litestar.params import FromPath

from services.gateway.accounts import Accounts
from services.gateway.calls import Calls
from services.gateway.history import Exporter
from services.gateway.incoming import Incoming
from services.gateway.live import Live
from services.gateway.management.editor import Editor
from services.gateway.parked import ParkedMessages
from services.gateway.recordings import Recordings
from services.gateway.records import Records
from services.gateway.sinks import SinkStates
from services.gateway.store import Store
from services.gateway.themes import Themes
from services.gateway.workers import Workers

TheStore = NamedDependency[Store]
TheCalls = NamedDependency[Calls]
TheIncoming = NamedDependency[Incoming]
TheLive = NamedDependency[Live]
TheWorkers = NamedDependency[Workers]
TheEditor = NamedDependency[Editor]
TheRecords = NamedDependency[Records]
TheRecordings = NamedDependency[Recordings]
TheAccounts = NamedDependency[Accounts]
TheThemes = NamedDependency[Themes]
TheSinks = NamedDependency[SinkStates]
TheParked = NamedDependency[ParkedMessages]
TheExporter = NamedDependency[Exporter]


Word = FromPath[str]
Number = FromPath[int]
