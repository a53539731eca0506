#include <cstdio>
#include <cstring>
#include <x86intrin.h>
int main(int argc,char**argv){ if(argc>1&&!strcmp(argv[1],"ticks")){ std::printf("%llu\n",(unsigned long long)__rdtsc());return 0;} std::printf("probe: not yet\n");}
