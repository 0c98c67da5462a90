// Plays Kong's side of the plugin-server RPC (mp_rpc.lua) with C concurrent requests, single thread, epoll.
// Every RPC takes a connection from a keepalive pool (LIFO like lua-nginx-module, or FIFO to force steps
// onto another connection, or sticky), sends one frame, reads one frame, puts the connection back.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <time.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

static uint64_t now_ns(void){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec*1000000000ull+t.tv_nsec;}

typedef struct Req Req;
typedef struct { int fd; Req*req; uint8_t*buf; size_t len,cap; int idx; } Conn;
struct Req { Conn*conn; uint64_t t0; int steps; uint8_t eid[64]; int eidlen; };

static const char*path="x.sock",*plugin="p0",*phase="access",*config="{}";
static int C=1; static double D=3,W=0.5,RATE=0; static int mode=0; // 0 lifo 1 fifo 2 sticky
static Conn*conns; static int nconn,ninflight; static int pool[4096]; static int ph=0,pn=0; // ring deque
static uint32_t msgid=0; static int ep;
static uint8_t iid[256*1024]; static int iidlen;
static uint64_t completed,rpcs,errors,totrpc; static uint64_t steps_cross;
#define HB 4096
static uint32_t *lat; static size_t nlat,caplat;

static Conn* newconn(void){
  Conn*c=&conns[nconn]; c->idx=nconn++;
  c->fd=socket(AF_UNIX,SOCK_STREAM|SOCK_NONBLOCK,0);
  struct sockaddr_un a={.sun_family=AF_UNIX}; strncpy(a.sun_path,path,sizeof a.sun_path-1);
  int r; do{ r=connect(c->fd,(void*)&a,sizeof a); if(r<0&&errno==EAGAIN)usleep(1000);}while(r<0&&errno==EAGAIN);
  if(r<0){perror("connect");exit(2);}
  c->cap=65536;c->buf=malloc(c->cap);c->len=0;
  struct epoll_event e={.events=EPOLLIN,.data.ptr=c}; epoll_ctl(ep,EPOLL_CTL_ADD,c->fd,&e);
  return c;
}
static Conn* popconn(Req*r){
  if(mode==2&&r->conn)return r->conn;
  if(pn==0)return newconn();
  int i; if(mode==1){i=pool[ph];ph=(ph+1)%4096;pn--;} else {i=pool[(ph+pn-1)%4096];pn--;}
  return &conns[i];
}
static void pushconn(Conn*c){ if(mode==2)return; pool[(ph+pn)%4096]=c->idx;pn++; }

// --- msgpack
static uint8_t*pstr(uint8_t*p,const char*s,int n){ if(n<32)*p++=0xa0|n; else if(n<256){*p++=0xd9;*p++=n;} else if(n<65536){*p++=0xda;*p++=n>>8;*p++=n;} else {*p++=0xdb;*p++=n>>24;*p++=n>>16;*p++=n>>8;*p++=n;} memcpy(p,s,n);return p+n;}
static uint8_t*puint(uint8_t*p,uint32_t v){ if(v<128)*p++=v; else if(v<256){*p++=0xcc;*p++=v;} else if(v<65536){*p++=0xcd;*p++=v>>8;*p++=v;} else {*p++=0xce;*p++=v>>24;*p++=v>>16;*p++=v>>8;*p++=v;} return p;}
// skip one object; returns NULL if incomplete
static const uint8_t* skip(const uint8_t*p,const uint8_t*e){
  if(p>=e)return NULL; uint8_t b=*p++; uint64_t n=0;
  #define NEED(k) do{ if((size_t)(e-p)<(size_t)(k))return NULL; }while(0)
  if(b<0x80||b>=0xe0||b==0xc0||b==0xc2||b==0xc3)return p;
  if(b<0x90){n=(b&15)*2;goto items;} if(b<0xa0){n=b&15;goto items;} if(b<0xc0){n=b&31;NEED(n);return p+n;}
  switch(b){
    case 0xc4:case 0xd9:NEED(1);n=*p++;NEED(n);return p+n;
    case 0xc5:case 0xda:NEED(2);n=p[0]<<8|p[1];p+=2;NEED(n);return p+n;
    case 0xc6:case 0xdb:NEED(4);n=(uint32_t)p[0]<<24|p[1]<<16|p[2]<<8|p[3];p+=4;NEED(n);return p+n;
    case 0xcc:case 0xd0:NEED(1);return p+1; case 0xcd:case 0xd1:NEED(2);return p+2;
    case 0xce:case 0xd2:case 0xca:NEED(4);return p+4; case 0xcf:case 0xd3:case 0xcb:NEED(8);return p+8;
    case 0xdc:NEED(2);n=p[0]<<8|p[1];p+=2;goto items; case 0xdd:NEED(4);n=(uint32_t)p[0]<<24|p[1]<<16|p[2]<<8|p[3];p+=4;goto items;
    case 0xde:NEED(2);n=(p[0]<<8|p[1])*2;p+=2;goto items; case 0xdf:NEED(4);n=2*((uint32_t)p[0]<<24|p[1]<<16|p[2]<<8|p[3]);p+=4;goto items;
    default:fprintf(stderr,"bad msgpack byte %02x\n",b);exit(3);
  }
items: for(uint64_t i=0;i<n;i++){p=skip(p,e);if(!p)return NULL;} return p;
}
static const uint8_t* rdstr(const uint8_t*p,const char**s,int*n){ uint8_t b=*p++; if((b&0xe0)==0xa0){*n=b&31;} else if(b==0xd9||b==0xc4){*n=*p++;} else if(b==0xda||b==0xc5){*n=p[0]<<8|p[1];p+=2;} else {*s=NULL;return NULL;} *s=(const char*)p; return p+*n;}
static const uint8_t* maphdr(const uint8_t*p,int*n){ uint8_t b=*p++; if((b&0xf0)==0x80){*n=b&15;return p;} if(b==0xde){*n=p[0]<<8|p[1];return p+2;} return NULL;}
static uint32_t rduint(const uint8_t*p){uint8_t b=*p;if(b<128)return b;if(b==0xcc)return p[1];if(b==0xcd)return p[1]<<8|p[2];if(b==0xce)return (uint32_t)p[1]<<24|p[2]<<16|p[3]<<8|p[4]; return 0xffffffff;}

static void sendframe(Conn*c,uint8_t*b,int n){
  int o=0; while(o<n){ int r=write(c->fd,b+o,n-o); if(r<0){ if(errno==EAGAIN){usleep(50);continue;} perror("write");exit(2);} o+=r; }
  rpcs++;
}
static uint8_t out[512*1024];
static uint8_t*hdr(const char*method){ uint8_t*p=out; *p++=0x94;*p++=0; p=puint(p,++msgid); p=pstr(p,method,strlen(method)); *p++=0x91; return p;}
static void start_request(Req*r){
  r->t0=now_ns(); r->steps=0; Conn*c=popconn(r); r->conn=c; c->req=r; r->eidlen=0;
  uint8_t*p=hdr("plugin.HandleEvent"); *p++=0x82; p=pstr(p,"InstanceId",10); memcpy(p,iid,iidlen);p+=iidlen; p=pstr(p,"EventName",9); p=pstr(p,phase,strlen(phase));
  sendframe(c,out,p-out);
}
static int measuring,stopping,inflight; static uint64_t maxsteps;
static void record(uint64_t ns){ if(!measuring||stopping)return; if(nlat==caplat){caplat*=2;lat=realloc(lat,caplat*4);} lat[nlat++]=ns>4294967295ull?4294967295u:ns; completed++; }

// Answers to PDK calls, given as -a kong.request.get_method=a3474554: the name, and MessagePack in hex.
typedef struct { const char*name; int namelen,len; uint8_t data[4096]; } Answer;
static Answer answers[16]; static int nanswers;
static void add_answer(const char*s){
  const char*h=strchr(s,'='); if(!h||nanswers==16||strlen(h+1)>8192){fprintf(stderr,"bad answer %s\n",s);exit(1);}
  Answer*a=&answers[nanswers++]; a->name=s; a->namelen=h-s; for(h++;h[0]&&h[1];h+=2){ unsigned b; sscanf(h,"%2x",&b); a->data[a->len++]=b; }
}
static const Answer*answer_for(const char*m,int n){ for(int i=0;i<nanswers;i++)if(answers[i].namelen==n&&!memcmp(answers[i].name,m,n))return &answers[i]; return NULL; }

// returns 1 if request done
static int on_frame(Conn*c,const uint8_t*p,const uint8_t*e){
  Req*r=c->req; totrpc++;
  if(*p++!=0x94){fprintf(stderr,"not array4\n");exit(3);} 
  if(*p++!=1){fprintf(stderr,"not response\n");exit(3);} 
  uint32_t id=rduint(p); p=skip(p,e); (void)id;
  if(*p!=0xc0){ const char*s;int n; rdstr(p,&s,&n); if(errors++<3)fprintf(stderr,"error: %.*s\n",s?n:0,s?s:""); c->req=NULL; pushconn(c); record(now_ns()-r->t0); return 1; }
  p++;
  int n; const uint8_t*q=maphdr(p,&n); const uint8_t*data=NULL,*eid=NULL; int el=0;
  for(int i=0;i<n;i++){ const char*k;int kn; q=rdstr(q,&k,&kn); const uint8_t*v=q; q=skip(q,e); if(kn==4&&!memcmp(k,"Data",4))data=v; else if(kn==7&&!memcmp(k,"EventId",7)){eid=v;el=q-v;} }
  if(r->eidlen==0&&eid){memcpy(r->eid,eid,el);r->eidlen=el;}
  c->req=NULL; pushconn(c);
  const char*s;int sn; 
  if((*data&0xe0)==0xa0){ rdstr(data,&s,&sn); if(sn==3&&!memcmp(s,"ret",3)){ record(now_ns()-r->t0); return 1;} fprintf(stderr,"odd data\n");exit(3);} 
  q=maphdr(data,&n); const char*m=NULL;int mn=0;
  for(int i=0;i<n;i++){ const char*k;int kn; q=rdstr(q,&k,&kn); if(kn==6&&!memcmp(k,"Method",6))rdstr(q,&m,&mn); q=skip(q,e);} 
  if(mn==18&&0){} 
  // canned PDK answers
  Conn*c2=popconn(r); if(c2!=c)steps_cross++; r->conn=c2; c2->req=r; r->steps++;
  uint8_t*o=hdr("plugin.Step");
  if(mn==23&&!memcmp(m,"kong.request.get_header",23)){ *o++=0x82; o=pstr(o,"EventId",7); memcpy(o,r->eid,r->eidlen);o+=r->eidlen; o=pstr(o,"Data",4); o=pstr(o,"curl/8.5.0 (x86_64)",19);} 
  else { const Answer*an=answer_for(m,mn); *o++=an?0x82:0x81; o=pstr(o,"EventId",7); memcpy(o,r->eid,r->eidlen);o+=r->eidlen; if(an){o=pstr(o,"Data",4); memcpy(o,an->data,an->len);o+=an->len;} }
  sendframe(c2,out,o-out);
  return 0;
}
// Drops notifications [2, label, args], which may precede a reply, from the front of the buffer.
static void drop_notifications(Conn*c){
  while(c->len>1&&c->buf[0]==0x93&&c->buf[1]==2){ const uint8_t*q=skip(c->buf,c->buf+c->len); if(!q)return; size_t n=q-c->buf; memmove(c->buf,q,c->len-n); c->len-=n; }
}
static int cmp(const void*a,const void*b){uint32_t x=*(uint32_t*)a,y=*(uint32_t*)b;return x<y?-1:x>y;}

int main(int ac,char**av){
  int o; while((o=getopt(ac,av,"s:c:d:w:n:p:m:C:r:a:"))!=-1) switch(o){
    case 's':path=optarg;break; case 'c':C=atoi(optarg);break; case 'd':D=atof(optarg);break; case 'w':W=atof(optarg);break;
    case 'n':plugin=optarg;break; case 'p':phase=optarg;break; case 'C':config=optarg;break; case 'r':RATE=atof(optarg);break; case 'a':add_answer(optarg);break;
    case 'm':mode=!strcmp(optarg,"fifo")?1:!strcmp(optarg,"sticky")?2:0;break; default:return 1;}
  ep=epoll_create1(0); conns=calloc(8192,sizeof(Conn)); Req*reqs=calloc(C,sizeof(Req)); caplat=1<<20; lat=malloc(caplat*4);
  // StartInstance
  Conn*c=newconn(); uint8_t*p=hdr("plugin.StartInstance"); *p++=0x82; p=pstr(p,"Name",4); p=pstr(p,plugin,strlen(plugin)); p=pstr(p,"Config",6); p=pstr(p,config,strlen(config)); sendframe(c,out,p-out);
  for(;;){ int r=read(c->fd,c->buf+c->len,c->cap-c->len); if(r==0){fprintf(stderr,"closed\n");return 2;} if(r<0){ if(errno==EAGAIN){usleep(200);continue;} perror("read");return 2;} c->len+=r; drop_notifications(c); if(c->len&&skip(c->buf,c->buf+c->len))break; }
  { const uint8_t*e=c->buf+c->len,*q=c->buf+2; q=skip(q,e); if(*q!=0xc0){const char*s;int n;rdstr(q,&s,&n);fprintf(stderr,"StartInstance error %.*s\n",n,s);return 2;} q++; int n; q=maphdr(q,&n); for(int i=0;i<n;i++){const char*k;int kn;q=rdstr(q,&k,&kn);const uint8_t*v=q;q=skip(q,e);if(kn==2&&!memcmp(k,"Id",2)){iidlen=q-v;memcpy(iid,v,iidlen);}} }
  c->len=0; mode==2?(void)0:pushconn(c);
  int want=C*(mode==1?2:1); for(int i=nconn;i<want;i++){Conn*k=newconn(); pushconn(k);} 
  if(mode==2)for(int i=0;i<C;i++)reqs[i].conn=&conns[i];
  uint64_t t0=now_ns(),tm=t0+(uint64_t)(W*1e9),te=tm+(uint64_t)(D*1e9); struct rusage ru0={0},ru1; uint64_t rpc0=0,cross0=0,rpc1=0,cross1=0,tend=0;
  for(int i=0;i<C;i++)start_request(&reqs[i]);
  struct epoll_event ev[256]; uint64_t tstart=0;
  for(;;){
    int n=epoll_wait(ep,ev,256,200);
    uint64_t t=now_ns(); if(!measuring&&t>=tm){measuring=1;tstart=t;rpc0=totrpc;cross0=steps_cross;getrusage(RUSAGE_SELF,&ru0);printf("{\"start\":1}\n");fflush(stdout);} if(t>=te&&!stopping){stopping=1;inflight=C;tend=now_ns();getrusage(RUSAGE_SELF,&ru1);rpc1=totrpc;cross1=steps_cross;} if(t>=te+5000000000ull){fprintf(stderr,"drain: %d left\n",inflight);break;}
    for(int i=0;i<n;i++){
      Conn*k=ev[i].data.ptr; int r=read(k->fd,k->buf+k->len,k->cap-k->len);
      if(r==0){fprintf(stderr,"server closed connection\n");exit(4);} if(r<0){if(errno==EAGAIN)continue;perror("read");exit(2);} k->len+=r; drop_notifications(k); if(!k->len)continue;
      const uint8_t*e=k->buf+k->len,*q=skip(k->buf,e); if(!q)continue;
      if(!k->req){fprintf(stderr,"frame without request\n");exit(3);} 
      Req*rq=k->req; k->len=0; if(on_frame(k,k->buf,e)){ if(stopping){if(--inflight==0)goto done;} else start_request(rq);}
    }
  }
  done:;
  double el=(tend-tstart)/1e9; qsort(lat,nlat,4,cmp);
  #define Q(f) (nlat?lat[(size_t)((nlat-1)*(f))]/1e3:0)
  double cpu=(ru1.ru_utime.tv_sec-ru0.ru_utime.tv_sec)+(ru1.ru_stime.tv_sec-ru0.ru_stime.tv_sec)+(ru1.ru_utime.tv_usec-ru0.ru_utime.tv_usec+ru1.ru_stime.tv_usec-ru0.ru_stime.tv_usec)/1e6;
  printf("{\"c\":%d,\"reqs\":%zu,\"rps\":%.1f,\"rpc_s\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"errors\":%lu,\"cross\":%lu,\"drv_cpu\":%.3f,\"el\":%.3f}\n",C,nlat,nlat/el,(rpc1-rpc0)/el,Q(.5),Q(.9),Q(.99),Q(.999),Q(1.0),errors,cross1-cross0,cpu,el);
  return 0;
}
